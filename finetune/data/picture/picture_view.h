// How a model sees a picture: made smaller or larger, the middle of it, grey or in colour.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/data/picture/picture_file.h"
#include "finetune/data/picture/resize.h"

namespace thaw {

struct PictureView {
  enum class Resize {
    none,
    stretch,        // to resize_width x resize_height, whatever its proportions
    shortest_edge,  // in proportion, the shorter side to resize_height
  };

  std::int64_t channels = 3, height = 0, width = 0;  // what the model takes
  Resize resize = Resize::stretch;
  std::int64_t resize_height = 0, resize_width = 0;
  ResizeFilter filter = ResizeFilter::bilinear;
  bool crops = false;  // then the middle is taken, with black around a picture that is too small

  std::vector<std::int64_t> sample_shape() const { return {channels, height, width}; }
  bool operator==(const PictureView&) const = default;
};

// Stretched to this size.
PictureView stretched_to(std::int64_t channels, std::int64_t height, std::int64_t width);
// The same for a model that takes another size: what a picture is resized to changes in proportion, rounded down.
PictureView view_of_size(PictureView view, std::int64_t height, std::int64_t width);

// InputError for a picture that this view does not give the model's size, or blows up beyond kMostPixels.
void check_seen(const PictureInfo& picture, const PictureView& view, const std::string& path);
// Of the view's size. The picture passed check_seen().
Picture seen(Picture picture, const PictureView& view);

// "resized to 109 on the shorter side (bicubic), the middle 96 x 96 of it, in colour".
std::string describe_view(const PictureView& view);

}  // namespace thaw
