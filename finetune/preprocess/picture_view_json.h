// A view of pictures as JSON says it: Hugging Face's preprocessor_config.json, and preprocess.json. For the few sources that
// use nlohmann/json.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "finetune/data/picture/picture_view.h"

namespace thaw {

// {"height": .., "width": ..}, {"shortest_edge": ..} or a number.
struct PictureSize {
  std::int64_t height = 0, width = 0;
  bool is_shortest_edge = false;
};
// Nothing where the config does not say it.
std::optional<PictureSize> read_picture_size(const nlohmann::json& config, const char* key,
                                             const std::string& path);

// As transformers' ViTImageProcessor, ConvNextImageProcessor and those like CLIP's do with `size`, `crop_size`, `crop_pct`,
// `resample`, `do_resize` and `do_center_crop`; `path` names the file. Nothing where it names no size. InputError for what
// is malformed, and for filters other than bilinear (2) and bicubic (3).
//   {height, width}, or a number: stretched to it
//   {shortest_edge}, or a number where the processor is CLIP's or Bit's: the shorter side to it, in proportion
//   ConvNeXt's processor, or a crop_pct: below 384 the shorter side to size / crop_pct and the middle of that size, from
//   384 on stretched to it
//   do_center_crop: then the middle of crop_size
std::optional<PictureView> read_picture_view(const nlohmann::json& config, const std::string& path,
                                             std::int64_t channels);

// The config again, changed so that its processor makes pictures as the view does; it names another processor where its own
// cannot.
void write_picture_view(const PictureView& view, const std::string& path, nlohmann::json& config);

// In preprocess.json, beside sample_shape, which has the model's own size.
nlohmann::ordered_json view_to_json(const PictureView& view);
PictureView view_from_json(const nlohmann::json& json, const std::vector<std::int64_t>& sample_shape,
                           const std::string& path);

}  // namespace thaw
