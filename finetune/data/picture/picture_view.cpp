#include "finetune/data/picture/picture_view.h"

#include <utility>

#include "core/error.h"

namespace thaw {
namespace {

std::pair<std::int64_t, std::int64_t> resized_size(std::int64_t width, std::int64_t height,
                                                   const PictureView& view) {
  if (view.resize == PictureView::Resize::none) return {width, height};
  if (view.resize == PictureView::Resize::stretch) return {view.resize_width, view.resize_height};
  return with_shortest_edge(width, height, view.resize_height);
}

}  // namespace

PictureView stretched_to(std::int64_t channels, std::int64_t height, std::int64_t width) {
  PictureView view;
  view.channels = channels;
  view.height = view.resize_height = height;
  view.width = view.resize_width = width;
  return view;
}

PictureView view_of_size(PictureView view, std::int64_t height, std::int64_t width) {
  view.resize_height = view.resize_height * height / view.height;
  view.resize_width = view.resize_width * width / view.width;
  if (view.resize != PictureView::Resize::none && (view.resize_height < 1 || view.resize_width < 1))
    fail_input(
        "pictures would be resized to nothing before ", view.width, " x ", view.height,
        " of them are cropped (size and crop_size of the model's preprocessor_config.json), and it takes ",
        width, " x ", height, "; mend these, or set model.image_size higher");
  view.height = height;
  view.width = width;
  return view;
}

void check_seen(const PictureInfo& picture, const PictureView& view, const std::string& path) {
  const auto [width, height] = resized_size(picture.width, picture.height, view);
  check_picture_size(width, height, path);
  if (view.crops || (width == view.width && height == view.height)) return;
  fail_input("the picture has ", picture.width, " x ", picture.height, " pixels",
             view.resize == PictureView::Resize::none ? "" : concat(", resized ", width, " x ", height),
             ", the model takes ", view.width, " x ", view.height, " (", path,
             "); resize it, or let preprocessor_config.json say so (do_resize, do_center_crop)");
}

Picture seen(Picture picture, const PictureView& view) {
  if (view.channels == 1) picture = with_channels(std::move(picture), 1);
  const auto [width, height] = resized_size(picture.width, picture.height, view);
  picture = resized(picture, width, height, view.filter);
  if (width != view.width || height != view.height) picture = centre_crop(picture, view.width, view.height);
  return with_channels(std::move(picture), view.channels);
}

std::string describe_view(const PictureView& view) {
  const char* filter = view.filter == ResizeFilter::bilinear ? " (bilinear)" : " (bicubic)";
  std::string text = "as they are";
  if (view.resize == PictureView::Resize::stretch)
    text = concat("resized to ", view.resize_width, " x ", view.resize_height, filter);
  if (view.resize == PictureView::Resize::shortest_edge)
    text = concat("resized to ", view.resize_height, " on the shorter side", filter);
  const bool is_whole = view.resize == PictureView::Resize::stretch && view.resize_width == view.width &&
                        view.resize_height == view.height;
  if (view.crops && !is_whole) text += concat(", the middle ", view.width, " x ", view.height, " of them");
  return text + (view.channels == 1 ? ", in grey" : ", in colour");
}

}  // namespace thaw
