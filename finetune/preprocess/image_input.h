// What the preprocessor_config.json of a ViT's folder says of its images: how transformers makes a model's
// input of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/data/picture/picture_view.h"
#include "finetune/data/standardize.h"
#include "nn/models/registry.h"

namespace thaw {

inline constexpr const char* kImageInputName = "preprocessor_config.json";

struct ImageInput {
  std::string file;
  // One value for each channel, for pixels between 0 and 1, as thaw's readers give them: rescaling by another
  // factor than 1/255 is in them.
  std::vector<double> mean, deviation;
  // How a picture becomes one of the model's size, where it says so; what of that is not done here, for who asks for it.
  std::optional<PictureView> view;
  std::string view_problem;
  std::vector<std::string>
      resizing;  // the same in words, for IDX images, which are not resized: "do_resize to 224 x 224"
  std::vector<std::string> left_out;  // what it asks for and thaw does not do
};

// Nothing for a folder of another architecture, or without that file. Keys that are missing are as in
// ViTImageProcessor. InputError naming the file and the key for what is malformed.
std::optional<ImageInput> read_image_input(const std::string& folder, const ModelConfig& model);

// For each number of a sample [C, H, W].
Standardizer normalization_of(const ImageInput& input, const std::vector<std::int64_t>& sample_shape);

// What the user is told: what is applied, what is left out, and where something else goes before the file. `are_resized`:
// as `view` says, not taken as they are.
std::vector<std::string> notes_of(const ImageInput& input, bool is_applied, bool are_resized);

}  // namespace thaw
