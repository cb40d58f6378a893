#include "finetune/preprocess/picture_view_json.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

constexpr std::int64_t kLargestSide = 1 << 14;
constexpr std::int64_t kStretchedFrom = 384;  // ConvNeXt's processor crops nothing of what is this large
constexpr std::array<const char*, 3> kResizeNames = {"none", "stretch", "shortest_edge"};
constexpr std::array<const char*, 2> kFilterNames = {"bilinear", "bicubic"};

void check_side(const char* key, std::int64_t value, const std::string& path) {
  if (value < 1 || value > kLargestSide)
    fail_input("'", key, "' is ", value, " (", path, "); it must be 1 to ", kLargestSide);
}

constexpr std::array<const char*, 2> kProcessorKeys = {"image_processor_type", "feature_extractor_type"};

bool is_processor(const nlohmann::json& config, const std::string& path, const char* name) {
  return std::any_of(kProcessorKeys.begin(), kProcessorKeys.end(), [&](const char* key) {
    std::string type;
    read_optional_field(config, key, path, type);
    return type.starts_with(name);
  });
}

bool is_convnext(const nlohmann::json& config, const std::string& path) {
  return (config.contains("crop_pct") && !config["crop_pct"].is_null()) ||
         is_processor(config, path, "ConvNext");
}

// A number is the shorter side, not a square's.
bool takes_numbers_as_edges(const nlohmann::json& config, const std::string& path) {
  return is_processor(config, path, "CLIP") || is_processor(config, path, "Bit");
}

ResizeFilter read_filter(const nlohmann::json& config, const std::string& path, bool bicubic) {
  std::int64_t resample = bicubic ? 3 : 2;
  read_optional_field(config, "resample", path, resample);
  if (resample != 2 && resample != 3)
    fail_input("'resample' is ", resample, " (", path,
               "); pictures are resized by 2, bilinear, or 3, bicubic");
  return resample == 2 ? ResizeFilter::bilinear : ResizeFilter::bicubic;
}

// The shorter side to size / crop_pct, then the middle.
PictureView convnext_view(const nlohmann::json& config, const std::string& path, PictureView view,
                          const std::optional<PictureSize>& size) {
  double share = 224.0 / 256;
  read_optional_field(config, "crop_pct", path, share);
  if (!(share > 0.01 && share <= 1))
    fail_input("'crop_pct' is ", share, " (", path, "); it must be above 0.01, to 1");
  view.height = view.width = size ? size->height : kStretchedFrom;
  if (view.height >= kStretchedFrom) {
    view.resize_height = view.resize_width = view.height;
    return view;
  }
  view.resize = PictureView::Resize::shortest_edge;
  view.resize_height = view.resize_width =
      static_cast<std::int64_t>(static_cast<double>(view.height) / share);
  view.crops = true;
  return view;
}

// For a view that ConvNeXt's processor cannot have: the one of CLIP or ViT, which says each part of it.
void become_another_processor(const PictureView& view, nlohmann::json& config) {
  for (const char* key : {"crop_pct", "feature_extractor_type"}) config.erase(key);
  const bool by_edge = view.resize == PictureView::Resize::shortest_edge;
  config["image_processor_type"] = by_edge ? "CLIPImageProcessor" : "ViTImageProcessor";
  config["do_center_crop"] = view.crops;
  config["resample"] = view.filter == ResizeFilter::bicubic ? 3 : 2;
  for (const char* key : {"image_mean", "image_std"})
    if (!config.contains(key))
      config[key] = std::vector<double>(static_cast<std::size_t>(view.channels), 0.5);
}

template <std::size_t N>
std::size_t index_of(const std::array<const char*, N>& names, const std::string& name, const char* key,
                     const std::string& path) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail_input("'", key, "' is unknown (", path, "); make the folder again");
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

std::optional<PictureSize> read_picture_size(const nlohmann::json& config, const char* key,
                                             const std::string& path) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return std::nullopt;
  PictureSize size;
  if (!found->is_object()) {
    read_field(config, key, path, size.height);
    size.width = size.height;
  } else {
    const std::string place = concat("of ", key, ", ", path);
    size.is_shortest_edge = found->contains("shortest_edge");
    read_field(*found, size.is_shortest_edge ? "shortest_edge" : "height", place, size.height);
    read_field(*found, size.is_shortest_edge ? "shortest_edge" : "width", place, size.width);
  }
  check_side(key, size.height, path);
  check_side(key, size.width, path);
  return size;
}

std::optional<PictureView> read_picture_view(const nlohmann::json& config, const std::string& path,
                                             std::int64_t channels) {
  std::optional<PictureSize> size = read_picture_size(config, "size", path);
  if (size && config["size"].is_number() && takes_numbers_as_edges(config, path))
    size->is_shortest_edge = true;
  PictureView view;
  view.channels = channels;
  const bool resizes = read_flag(config, "do_resize", path, true);
  const bool as_convnext = is_convnext(config, path);
  view.filter = read_filter(config, path, as_convnext);
  if (as_convnext && resizes) return convnext_view(config, path, view, size);
  const std::optional<PictureSize> crop = read_flag(config, "do_center_crop", path, false)
                                              ? read_picture_size(config, "crop_size", path)
                                              : std::nullopt;
  view.crops = crop.has_value();
  if (!resizes)
    view.resize = PictureView::Resize::none;
  else if (size && size->is_shortest_edge)
    view.resize = PictureView::Resize::shortest_edge;
  const std::optional<PictureSize> last = crop ? crop : size;
  if (!last) return std::nullopt;
  view.height = last->height;
  view.width = last->width;
  view.resize_height = size ? size->height : view.height;
  view.resize_width = size ? size->width : view.width;
  return view;
}

void write_picture_view(const PictureView& view, const std::string& path, nlohmann::json& config) {
  if (is_convnext(config, path)) {
    PictureView plain;
    plain.channels = view.channels;
    plain.filter = view.filter;
    if (convnext_view(config, path, plain, PictureSize{view.height, view.width, true}) == view) {
      config["size"] = {{"shortest_edge", view.height}};
      return;
    }
    become_another_processor(view, config);
  }
  if (view.resize == PictureView::Resize::shortest_edge)
    config["size"] = {{"shortest_edge", view.resize_height}};
  else
    config["size"] = {{"height", view.resize_height}, {"width", view.resize_width}};
  if (view.crops) config["crop_size"] = {{"height", view.height}, {"width", view.width}};
}

nlohmann::ordered_json view_to_json(const PictureView& view) {
  return {{"resize", kResizeNames[static_cast<std::size_t>(view.resize)]},
          {"height", view.resize_height},
          {"width", view.resize_width},
          {"filter", kFilterNames[static_cast<std::size_t>(view.filter)]},
          {"center_crop", view.crops}};
}

PictureView view_from_json(const nlohmann::json& json, const std::vector<std::int64_t>& sample_shape,
                           const std::string& path) {
  if (!json.is_object() || sample_shape.size() != 3 || (sample_shape[0] != 1 && sample_shape[0] != 3))
    fail_input("'picture' is no view of pictures of the shape 'sample_shape' (", path,
               "); make the folder again");
  check_side("sample_shape", sample_shape[1], path);
  check_side("sample_shape", sample_shape[2], path);
  PictureView view = stretched_to(sample_shape[0], sample_shape[1], sample_shape[2]);
  std::string resize, filter;
  read_field(json, "resize", path, resize);
  read_field(json, "height", path, view.resize_height);
  read_field(json, "width", path, view.resize_width);
  read_field(json, "filter", path, filter);
  read_field(json, "center_crop", path, view.crops);
  view.resize = static_cast<PictureView::Resize>(index_of(kResizeNames, resize, "resize", path));
  view.filter = static_cast<ResizeFilter>(index_of(kFilterNames, filter, "filter", path));
  check_side("height", view.resize_height, path);
  check_side("width", view.resize_width, path);
  return view;
}

}  // namespace thaw
