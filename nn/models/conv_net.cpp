#include "nn/models/conv_net.h"

#include "core/error.h"
#include "core/ops.h"
#include "nn/io/json_file.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

constexpr std::int64_t kMostStages = 64;

constexpr std::string_view kHuggingFaceClassifier = "classifier.";  // Hugging Face's

void check_stage_in(const ConvStage& stage, const std::string& place) {
  check_size_in("number of channels", stage.channels, 1 << 16, place);
  check_size_in("number of blocks", stage.depth, 1 << 8, place);
  check_size_in("kernel", stage.kernel, 1 << 5, place);
  check_size_in("stride", stage.stride, 1 << 3, place);
  check_size_in("expansion", stage.expansion, 1 << 5, place);
}

}  // namespace

ConvNet::ConvNet(const ModelConfig& config) : sample_shape_(config.sample_shape) {
  if (sample_shape_.rank() != 3)
    fail_input("the ", config.architecture, " needs images [channels, height, width], but a sample is ",
               sample_shape_, "; use an mlp for tables");
}

void ConvNet::add_group(const std::string& name) {
  groups_below_.push_back({name, {}});
  parts_.emplace_back();
}

void ConvNet::add_part(const std::string& path, std::unique_ptr<ConvPart> part) {
  parts_.back().push_back(&add_module(path, std::move(part)));
  groups_below_.back().prefixes.push_back(path);
}

void ConvNet::add_part(std::unique_ptr<ConvPart> part, const std::vector<std::string>& names) {
  parts_.back().push_back(&add_module("", std::move(part)));
  std::vector<std::string>& prefixes = groups_below_.back().prefixes;
  prefixes.insert(prefixes.end(), names.begin(), names.end());
}

void ConvNet::finish_with_classifier(const std::string& name, std::int64_t features,
                                     const ModelConfig& config, const Init& init,
                                     std::vector<std::string> head) {
  dropout_ = &add_module("dropout", std::make_unique<Dropout>(config.dropout));
  classifier_ = &add_module(name, std::make_unique<Linear>(features, config.outputs, init.in(name)));
  head.insert(head.end(), {"dropout", name});
  std::vector<Group> groups = std::move(groups_below_);
  groups.push_back({"head", std::move(head)});
  finish(std::move(groups));
}

ModelState ConvNet::begin(const ModelInput& x) {
  const Tensor& images = x.values;
  if (images.rank() != 4 || images.size(1) != sample_shape_[0])
    fail_input("the model takes images [B, ", sample_shape_[0], ", height, width], not ", images.shape(),
               "; use images with as many channels");
  return {x, images};
}

void ConvNet::run_group(int group, ModelState& state) {
  for (ConvPart* part : parts_[static_cast<std::size_t>(group)]) state.h = part->forward(state.h);
}

Tensor ConvNet::pool(ModelState state) {
  const TraceScope trace(classifier_->scope());
  return flatten(adaptive_avg_pool2d(state.h, 1, 1), 1);
}

Tensor ConvNet::output(const Tensor& features) {
  const TraceScope trace(classifier_->scope());
  return classifier_->forward(dropout_->forward(features));
}

std::string PrefixedConvNet::name_in_file(const std::string& name) const {
  return name.starts_with(kHuggingFaceClassifier) ? name : std::string(prefix_) + name;
}

std::optional<std::string> PrefixedConvNet::name_in_model(const std::string& name_in_file) const {
  return name_in_file.starts_with(prefix_) ? name_in_file.substr(prefix_.size()) : name_in_file;
}

void check_image_size(const ModelConfig& config, std::int64_t least) {
  const std::int64_t height = config.sample_shape[1], width = config.sample_shape[2];
  if (height < least || width < least)
    fail_input("images of ", height, " x ", width, " are too small for this ", config.architecture,
               ": its strides leave nothing of less than ", least, " x ", least, "; use larger images");
}

void read_image_shape(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  std::int64_t channels = 3;
  std::vector<std::int64_t> sides{224, 224};
  read_optional_field(json, "num_channels", path, channels);
  if (const auto found = json.find("image_size"); found != json.end() && found->is_array()) {
    read_field(json, "image_size", path, sides);
    if (sides.size() != 2)
      fail_input("'image_size' has ", sides.size(), " sizes (", path, "); give one, or [height, width]");
  } else {
    read_optional_field(json, "image_size", path, sides[0]);
    sides[1] = sides[0];
  }
  check_size_in("number of channels", channels, 1 << 10, path);
  for (const std::int64_t side : sides) check_size_in("image size", side, 1 << 14, path);
  config.sample_shape = {channels, sides[0], sides[1]};
}

void write_image_shape(const ModelConfig& config, nlohmann::ordered_json& json) {
  const std::int64_t height = config.sample_shape[1], width = config.sample_shape[2];
  json["num_channels"] = config.sample_shape[0];
  if (height == width)
    json["image_size"] = height;
  else
    json["image_size"] = {height, width};
}

void read_hidden_stages(const nlohmann::json& json, const std::string& path, ConvNetConfig& config) {
  std::vector<std::int64_t> channels, depths;
  read_field(json, "hidden_sizes", path, channels);
  read_field(json, "depths", path, depths);
  if (channels.size() != depths.size())
    fail_input("'hidden_sizes' has ", channels.size(), " stages and 'depths' ", depths.size(), " (", path,
               "); make the folder again");
  for (std::size_t i = 0; i < channels.size(); ++i)
    config.stages.push_back({.channels = channels[i], .depth = depths[i], .stride = i == 0 ? 1 : 2});
}

void read_stages(const nlohmann::json& json, const std::string& path, const std::vector<StageKey>& keys,
                 ConvNetConfig& config) {
  const auto stages = json.find("stages");
  if (stages == json.end() || !stages->is_array())
    fail_input("'stages' is no list (", path, "); make the folder again");
  for (const nlohmann::json& entry : *stages) {
    const std::string place = concat(path, ", stage ", config.stages.size());
    if (!entry.is_object()) fail_input("a stage is no object (", place, "); make the folder again");
    ConvStage stage;
    for (const StageKey& key : keys) read_field(entry, key.name, place, stage.*key.size);
    config.stages.push_back(stage);
  }
}

void write_stages(const ConvNetConfig& config, const std::vector<StageKey>& keys,
                  nlohmann::ordered_json& json) {
  json["stages"] = nlohmann::ordered_json::array();
  for (const ConvStage& stage : config.stages) {
    nlohmann::ordered_json entry;
    for (const StageKey& key : keys) entry[key.name] = stage.*key.size;
    json["stages"].push_back(std::move(entry));
  }
}

void check_conv_net_in(const ConvNetConfig& config, const std::string& path) {
  check_size_in("number of stages", static_cast<std::int64_t>(config.stages.size()), kMostStages, path);
  check_size_in("number of the stem's channels", config.stem_channels, 1 << 16, path);
  for (std::size_t i = 0; i < config.stages.size(); ++i)
    check_stage_in(config.stages[i], concat(path, ", stage ", i));
  check_activation_in(config.activation, path);
}

}  // namespace thaw
