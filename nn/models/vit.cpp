#include "nn/models/vit.h"

#include "core/error.h"
#include "core/ops.h"
#include "nn/layers/token_rows.h"
#include "nn/models/architecture.h"
#include "nn/models/labels.h"

namespace thaw {
namespace {

constexpr std::string_view kVitPrefix = "vit.";  // of the encoder's names in a classifier's checkpoint

constexpr EncoderLayerNames kVitLayerNames = {{"attention.attention.query", "attention.attention.key",
                                               "attention.attention.value", "attention.output.dense"},
                                              "layernorm_before",
                                              "intermediate.dense",
                                              "output.dense",
                                              "layernorm_after"};

// Since version 5 transformers calls its modules otherwise than the tensors of its files, and PEFT goes by
// the modules.
struct OtherName {
  std::string_view module, file;
};
constexpr OtherName kModuleNames[] = {
    {".attention.q_proj.", ".attention.attention.query."},
    {".attention.k_proj.", ".attention.attention.key."},
    {".attention.v_proj.", ".attention.attention.value."},
    {".attention.o_proj.", ".attention.output.dense."},
    {".mlp.fc1.", ".intermediate.dense."},
    {".mlp.fc2.", ".output.dense."},
};

constexpr OtherName kLayers = {"layers.", "encoder.layer."};

// A name within the layers, from one side to the other.
std::string renamed(const std::string& name, std::string_view OtherName::*from,
                    std::string_view OtherName::*to) {
  std::string result = concat(kLayers.*to, name.substr((kLayers.*from).size()));
  for (const OtherName& other : kModuleNames)
    if (const std::size_t at = result.find(other.*from); at != std::string::npos)
      return result.replace(at, (other.*from).size(), other.*to);
  return result;
}

// What checkpoints of pretraining hold beside the encoder.
bool is_no_part_of_vit(const std::string& name) {
  return name.starts_with("pooler.") || name.starts_with("decoder.") || name == "embeddings.mask_token";
}

std::int64_t patches_of(const ModelConfig& config) {
  const std::int64_t patch = config.transformer.patch_size;
  return (config.sample_shape[1] / patch) * (config.sample_shape[2] / patch);
}

}  // namespace

// init_transformer draws the class token and the positions.
VitEmbeddings::VitEmbeddings(const ModelConfig& config, const Init& init)
    : class_token_(add_parameter("cls_token", init.constant({1, 1, config.transformer.hidden_size}, 0),
                                 ParameterKind::embedding)),
      positions_(add_parameter("position_embeddings",
                               init.constant({1, 1 + patches_of(config), config.transformer.hidden_size}, 0),
                               ParameterKind::embedding)),
      projection_(add_module(
          "patch_embeddings.projection",
          std::make_unique<Conv2d>(config.sample_shape[0], config.transformer.hidden_size,
                                   config.transformer.patch_size, init.in("patch_embeddings.projection"),
                                   ConvOptions{.stride = config.transformer.patch_size}))),
      dropout_(add_module("dropout", std::make_unique<Dropout>(config.transformer.hidden_dropout))) {}

Tensor VitEmbeddings::forward(const Tensor& images) {
  const TraceScope trace(scope());
  Tensor h = projection_.forward(images);
  h = transpose(flatten(h, 2), 1, 2);
  h = concatenate({expand(class_token_->tensor, {h.size(0), 1, -1}), h}, 1);
  h = h + positions_->tensor;
  return dropout_.forward(h);
}

Vit::Vit(const ModelConfig& config, const Init& init)
    : sample_shape_(config.sample_shape), tokens_(1 + patches_of(config)) {
  const TransformerConfig& t = config.transformer;
  embeddings_ = &add_module("embeddings", std::make_unique<VitEmbeddings>(config, init.in("embeddings")));
  std::vector<Group> groups{{"embeddings", {"embeddings"}}};
  const EncoderLayer::Options options{.pre_norm = true, .attention_output_dropout = t.hidden_dropout};
  for (std::int64_t i = 0; i < t.layers; ++i) {
    const std::string path = concat("encoder.layer.", i);
    layers_.push_back(
        &add_module(path, std::make_unique<EncoderLayer>(t, kVitLayerNames, options, init.in(path))));
    groups.push_back({concat("layer.", i), {path}});
  }
  norm_ = &add_module("layernorm",
                      std::make_unique<LayerNorm>(t.hidden_size, init.in("layernorm"), t.layer_norm_eps));
  classifier_ = &add_module("classifier",
                            std::make_unique<Linear>(t.hidden_size, config.outputs, init.in("classifier")));
  groups.push_back({"head", {"layernorm", "classifier"}});
  finish(std::move(groups));
  init_transformer(*this, t.initializer_range, init);
}

ModelState Vit::begin(const ModelInput& x) {
  ModelState state{x};
  state.rows = std::make_shared<const TokenRows>(x.values.size(0), tokens_, Padding{}, x.values.device());
  return state;
}

void Vit::run_group(int group, ModelState& state) {
  if (group == 0) {
    state.h = state.rows->pack(embeddings_->forward(state.x.values));
    return;
  }
  const RandomScope random(state.rows->random());
  state.h = layers_[static_cast<std::size_t>(group - 1)]->forward(state.h, *state.rows);
}

Tensor Vit::pool(ModelState state) {
  const Tensor states = take_states(std::move(state));
  const TraceScope trace(norm_->scope());
  return select(states, 1, 0);  // the last norm is each token's own: the class token's is enough
}

std::string_view Vit::prefix_in_file() const { return kVitPrefix; }

std::string Vit::name_in_file(const std::string& name) const {
  return name.starts_with("classifier.") ? name : std::string(kVitPrefix) + name;
}

std::string Vit::name_in_peft(const std::string& name) const {
  return name_in_file(name.starts_with(kLayers.file) ? renamed(name, &OtherName::file, &OtherName::module)
                                                     : name);
}

std::optional<std::string> Vit::name_in_model(const std::string& name_in_file) const {
  std::string name = name_in_file;
  if (name.starts_with(kVitPrefix)) name.erase(0, kVitPrefix.size());
  if (is_no_part_of_vit(name)) return std::nullopt;
  return name.starts_with(kLayers.module) ? renamed(name, &OtherName::module, &OtherName::file) : name;
}

std::vector<std::string> Vit::lora_targets() const { return {"query", "value"}; }

std::vector<std::string> Vit::bottleneck_targets() const {
  return {kVitLayerNames.attention.output, kVitLayerNames.output};
}

void read_vit(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  TransformerConfig& t = config.transformer;
  std::int64_t image_size = 224, channels = 3;
  t.patch_size = 16;
  read_field(json, "hidden_size", path, t.hidden_size);
  read_field(json, "num_hidden_layers", path, t.layers);
  read_field(json, "num_attention_heads", path, t.heads);
  read_field(json, "intermediate_size", path, t.intermediate_size);
  read_optional_field(json, "image_size", path, image_size);
  read_optional_field(json, "patch_size", path, t.patch_size);
  read_optional_field(json, "num_channels", path, channels);
  read_optional_field(json, "hidden_act", path, t.activation);
  read_optional_field(json, "layer_norm_eps", path, t.layer_norm_eps);
  read_optional_field(json, "hidden_dropout_prob", path, t.hidden_dropout);
  read_optional_field(json, "attention_probs_dropout_prob", path, t.attention_dropout);
  read_optional_field(json, "initializer_range", path, t.initializer_range);
  bool qkv_bias = true;
  read_optional_field(json, "qkv_bias", path, qkv_bias);
  if (!qkv_bias)
    fail_input("a ViT whose query, key and value have no bias (qkv_bias, ", path,
               ") is not in this version; use one with biases");
  check_size_in("image size", image_size, 1 << 14, path);
  check_size_in("number of channels", channels, 1 << 10, path);
  check_size_in("patch size", t.patch_size, image_size, path);
  check_sizes_in(t, path);
  config.sample_shape = {channels, image_size, image_size};
  read_labels(json, path, config);
}

void write_vit(const ModelConfig& config, nlohmann::ordered_json& json) {
  const TransformerConfig& t = config.transformer;
  json["architectures"] = {"ViTForImageClassification"};
  json["hidden_dropout_prob"] = t.hidden_dropout;
  json["attention_probs_dropout_prob"] = t.attention_dropout;
  write_labels(config, json);
}

}  // namespace thaw
