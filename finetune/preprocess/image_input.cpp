#include "finetune/preprocess/image_input.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/preprocess/picture_view_json.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

using Sizes = std::vector<std::int64_t>;

constexpr double kPixelLevels = 255;  // a reader divides a byte by it
constexpr double kUnsaid = 0.5;       // image_mean and image_std of ViTImageProcessor

// A number, which is every channel's, or a list with one for each.
std::vector<double> read_channels(const nlohmann::json& config, const char* key, const std::string& path,
                                  std::int64_t channels) {
  const auto found = config.find(key);
  double every = kUnsaid;
  if (found == config.end() || !found->is_array()) {
    read_optional_field(config, key, path, every);
    return std::vector<double>(static_cast<std::size_t>(channels), every);
  }
  std::vector<double> values;
  read_field(config, key, path, values);
  if (static_cast<std::int64_t>(values.size()) != channels)
    fail_input("'", key, "' has ", values.size(), " values, the model's images ", channels, " channels (",
               path, "); give one for each channel");
  return values;
}

void check_positive(const std::vector<double>& values, const char* key, const std::string& path) {
  if (std::any_of(values.begin(), values.end(), [](double value) { return !(value > 0); }))
    fail_input("'", key, "' is not above 0 (", path, "); give what the model was trained with");
}

// IDX images have the model's size, or are resized: what would make them so changes nothing.
std::vector<std::string> read_resizing(const nlohmann::json& config, const std::string& path,
                                       const Sizes& sample_shape) {
  std::vector<std::string> resizing;
  const auto add_size = [&](const char* key, bool unsaid, const char* size_key) {
    if (!read_flag(config, key, path, unsaid)) return;
    const std::optional<PictureSize> size = read_picture_size(config, size_key, path);
    if (size && (size->height != sample_shape[1] || size->width != sample_shape[2]))
      resizing.push_back(concat(key, " to ", size->height, " x ", size->width));
  };
  add_size("do_resize", true, "size");
  add_size("do_center_crop", false, "crop_size");
  return resizing;
}

std::string numbers(const std::vector<double>& values) {
  std::vector<std::string> texts(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) texts[i] = concat(values[i]);
  return joined(texts);
}

}  // namespace

std::optional<ImageInput> read_image_input(const std::string& folder, const ModelConfig& model) {
  ImageInput input;
  input.file = folder + "/" + kImageInputName;
  if (!takes_processed_images(model) || !std::filesystem::exists(input.file)) return std::nullopt;
  const nlohmann::json config = read_json(input.file);
  if (!config.is_object()) fail_input("no image processor's config (", input.file, "); get the file again");
  const std::int64_t channels = model.sample_shape[0];
  double factor = 1 / kPixelLevels;
  read_optional_field(config, "rescale_factor", input.file, factor);
  check_positive({factor}, "rescale_factor", input.file);
  if (!read_flag(config, "do_rescale", input.file, true)) factor = 1;
  std::vector<double> mean = read_channels(config, "image_mean", input.file, channels);
  std::vector<double> deviation = read_channels(config, "image_std", input.file, channels);
  check_positive(deviation, "image_std", input.file);
  if (!read_flag(config, "do_normalize", input.file, true)) {
    mean.assign(mean.size(), 0);
    deviation.assign(deviation.size(), 1);
  }
  // (255 factor x - mean) / deviation, in x between 0 and 1.
  for (double& value : mean) value /= kPixelLevels * factor;
  for (double& value : deviation) value /= kPixelLevels * factor;
  input.mean = std::move(mean);
  input.deviation = std::move(deviation);
  input.resizing = read_resizing(config, input.file, model.sample_shape);
  for (const char* key : {"do_pad", "do_flip_channel_order", "rescale_offset", "include_top"})
    if (read_flag(config, key, input.file, false)) input.left_out.emplace_back(key);
  try {
    input.view = read_picture_view(config, input.file, channels);
  } catch (const InputError& error) {
    input.view_problem = error.what();
  }
  return input;
}

Standardizer normalization_of(const ImageInput& input, const std::vector<std::int64_t>& sample_shape) {
  Standardizer standardizer;
  const auto pixels = static_cast<std::size_t>(sample_shape[1] * sample_shape[2]);
  for (std::size_t channel = 0; channel < input.mean.size(); ++channel) {
    standardizer.mean.insert(standardizer.mean.end(), pixels, input.mean[channel]);
    standardizer.deviation.insert(standardizer.deviation.end(), pixels, input.deviation[channel]);
  }
  return standardizer;
}

std::vector<std::string> notes_of(const ImageInput& input, bool is_applied, bool are_resized) {
  std::vector<std::string> notes;
  if (!is_applied)
    notes.push_back(concat("images are scaled as data.standardize says, not as ", input.file));
  else
    notes.push_back(concat("images are normalised as ", input.file, " says: pixels from 0 to 1, less ",
                           numbers(input.mean), ", divided by ", numbers(input.deviation)));
  std::vector<std::string> left_out = are_resized ? std::vector<std::string>{} : input.resizing;
  left_out.insert(left_out.end(), input.left_out.begin(), input.left_out.end());
  if (!left_out.empty())
    notes.push_back(concat("warning: ", input.file, " asks for ", joined(left_out), ", which is left out",
                           are_resized ? "" : ": images are taken as they are"));
  return notes;
}

}  // namespace thaw
