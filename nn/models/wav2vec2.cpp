#include "nn/models/wav2vec2.h"

#include <algorithm>

#include "core/error.h"
#include "core/ops.h"
#include "nn/layers/token_rows.h"
#include "nn/models/architecture.h"
#include "nn/models/checkpoint_class.h"
#include "nn/models/sound_head.h"

namespace thaw {
namespace {

constexpr std::string_view kWavePrefixes[] = {"wav2vec2.", "hubert."};
constexpr const char* kPositionConv = "encoder.pos_conv_embed.conv";

constexpr EncoderLayerNames kWaveLayerNames = {
    {"attention.q_proj", "attention.k_proj", "attention.v_proj", "attention.out_proj"},
    "layer_norm",
    "feed_forward.intermediate_dense",
    "feed_forward.output_dense",
    "final_layer_norm"};

// How many samples each sound of the batch has; known on the meta device too.
std::vector<std::int64_t> sizes_of(const ModelInput& x) {
  const auto batch = static_cast<std::size_t>(x.values.size(0));
  if (!x.sizes.defined()) return std::vector<std::int64_t>(batch, x.values.size(1));
  const auto* sizes = x.sizes.data<std::int64_t>();
  return {sizes, sizes + batch};
}

}  // namespace

std::int64_t places_of_samples(const WaveConfig& config, std::int64_t samples) {
  for (std::size_t i = 0; i < config.kernels.size(); ++i)
    samples = samples < config.kernels[i] ? 0 : (samples - config.kernels[i]) / config.strides[i] + 1;
  return samples;
}

std::int64_t samples_of_places(const WaveConfig& config, std::int64_t places) {
  std::int64_t samples = places;
  for (std::size_t i = config.kernels.size(); i-- > 0;)
    samples = (samples - 1) * config.strides[i] + config.kernels[i];
  return samples;
}

WaveConv::WaveConv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, bool bias,
                   Norm norm, const Init& init)
    : conv_(add_module("conv", std::make_unique<Conv1d>(in, out, kernel, init.in("conv"),
                                                        ConvOptions{.stride = stride, .bias = bias}))) {
  if (norm == Norm::group)
    group_norm_ = &add_module("layer_norm", std::make_unique<GroupNorm>(out, out, init.in("layer_norm")));
  if (norm == Norm::layer)
    layer_norm_ = &add_module("layer_norm", std::make_unique<LayerNorm>(out, init.in("layer_norm")));
}

Tensor WaveConv::forward(const Tensor& x) {
  const TraceScope trace(scope());
  Tensor h = conv_.forward(x);
  if (group_norm_ != nullptr) h = group_norm_->forward(h);
  if (layer_norm_ != nullptr) h = transpose(layer_norm_->forward(contiguous(transpose(h, 1, 2))), 1, 2);
  return gelu(contiguous(h));
}

ConvPositions::ConvPositions(std::int64_t size, std::int64_t kernel, std::int64_t groups, const Init& init)
    : kernel_(kernel), groups_(groups) {
  const auto add = [&](const char* name, const Shape& shape, ParameterKind kind) {
    return add_parameter(name, init.uniform_fan_in(shape, size / groups * kernel, name), kind,
                         kind == ParameterKind::bias);
  };
  length_ = add("parametrizations.weight.original0", {1, 1, kernel}, ParameterKind::weight);
  direction_ = add("parametrizations.weight.original1", {size, size / groups, kernel}, ParameterKind::weight);
  bias_ = add("bias", {size}, ParameterKind::bias);
}

void ConvPositions::use_length_of_direction() {
  const NoGrad no_grad;
  kernels::copy(length_->tensor, sqrt(sum(square(direction_->tensor), {0, 1}, true)));
}

Tensor ConvPositions::forward(const Tensor& x) {
  const TraceScope trace(scope());
  const Tensor& v = direction_->tensor;
  const Tensor w = v * (length_->tensor / sqrt(sum(square(v), {0, 1}, true)));
  const Tensor y = conv1d(x, w, bias_->tensor, 1, kernel_ / 2, 1, groups_);
  // An even kernel gives a place too many.
  return gelu(contiguous(slice(y, 2, 0, x.size(2))));
}

Wav2Vec2::Wav2Vec2(const ModelConfig& config, const Init& init)
    : is_hubert_(config.architecture == "hubert"), pre_norm_(config.wave.pre_norm), wave_(config.wave) {
  const TransformerConfig& t = config.transformer;
  std::int64_t channels = 1;
  for (std::size_t i = 0; i < wave_.channels.size(); ++i) {
    const std::string path = concat("feature_extractor.conv_layers.", i);
    const auto norm = !wave_.group_norm ? WaveConv::Norm::layer
                      : i == 0          ? WaveConv::Norm::group
                                        : WaveConv::Norm::none;
    convs_.push_back(
        &add_module(path, std::make_unique<WaveConv>(channels, wave_.channels[i], wave_.kernels[i],
                                                     wave_.strides[i], wave_.bias, norm, init.in(path))));
    channels = wave_.channels[i];
  }
  const auto layer_norm = [&](const char* path, std::int64_t size) {
    return &add_module(path, std::make_unique<LayerNorm>(size, init.in(path), t.layer_norm_eps));
  };
  if (wave_.feature_norm) feature_norm_ = layer_norm("feature_projection.layer_norm", channels);
  const char* projection = "feature_projection.projection";
  projection_ =
      &add_module(projection, std::make_unique<Linear>(channels, t.hidden_size, init.in(projection)));
  projection_dropout_ =
      &add_module("feature_projection.dropout", std::make_unique<Dropout>(t.embedding_dropout));
  positions_ = &add_module(kPositionConv,
                           std::make_unique<ConvPositions>(t.hidden_size, wave_.position_kernel,
                                                           wave_.position_groups, init.in(kPositionConv)));
  norm_ = layer_norm("encoder.layer_norm", t.hidden_size);
  dropout_ = &add_module("encoder.dropout", std::make_unique<Dropout>(t.hidden_dropout));
  std::vector<Group> groups{{"conv", {"feature_extractor"}},
                            {"projection", {"feature_projection", kPositionConv, "encoder.dropout"}}};
  const EncoderLayer::Options options{.pre_norm = pre_norm_, .attention_output_dropout = t.hidden_dropout};
  for (std::int64_t i = 0; i < t.layers; ++i) {
    const std::string path = concat("encoder.layers.", i);
    layers_.push_back(
        &add_module(path, std::make_unique<EncoderLayer>(t, kWaveLayerNames, options, init.in(path))));
    groups.push_back({concat("encoder.", i), {path}});
  }
  const auto linear = [&](const char* path, std::int64_t in, std::int64_t out) {
    return &add_module(path, std::make_unique<Linear>(in, out, init.in(path)));
  };
  if (config.pools_places) {
    projector_ = linear(kProjector, t.hidden_size, config.projection);
    classifier_ = linear(kSoundClassifier, config.projection, config.outputs);
    groups[pre_norm_ ? groups.size() - 1 : 1].prefixes.emplace_back("encoder.layer_norm");
    groups.push_back({"head", {kProjector, kSoundClassifier}});
  } else {
    final_dropout_ = &add_module("dropout", std::make_unique<Dropout>(t.classifier_dropout));
    classifier_ = linear(kCharacterHead, t.hidden_size, config.outputs);
    groups.push_back({"head", {"dropout", kCharacterHead}});
    groups[pre_norm_ ? groups.size() - 1 : 1].prefixes.emplace_back("encoder.layer_norm");
  }
  finish(std::move(groups));
  init_transformer(*this, t.initializer_range, init);
  positions_->use_length_of_direction();
}

ModelState Wav2Vec2::begin(const ModelInput& x) {
  if (x.values.rank() != 2) fail_input("the model takes samples [sounds, samples], not ", x.values.shape());
  const std::int64_t places = places_of_samples(wave_, x.values.size(1));
  if (places < 1)
    fail_input("a sound of ", x.values.size(1), " samples is too short for the model, which needs ",
               samples_of_places(wave_, 1));
  ModelState state{x};
  state.rows = std::make_shared<const TokenRows>(x.values.size(0), places, x.padding, x.values.device());
  return state;
}

// Each sound by itself: a norm over its whole length, or zeros behind its end, would make it another one.
Tensor Wav2Vec2::convolve(const ModelInput& x) {
  std::vector<Tensor> sounds;
  const std::vector<std::int64_t> sizes = sizes_of(x);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    Tensor h = slice(slice(x.values, 0, row, row + 1), 1, 0, sizes[i]).reshape({1, 1, sizes[i]});
    for (WaveConv* conv : convs_) h = conv->forward(h);
    sounds.push_back(squeeze(transpose(h, 1, 2), 0));
  }
  return contiguous(concatenate(sounds, 0));
}

Tensor Wav2Vec2::project(const Tensor& h, const ModelState& state) {
  const Tensor normed = feature_norm_ != nullptr ? feature_norm_->forward(h) : h;
  const Tensor projected = projection_dropout_->forward(projection_->forward(normed));
  std::vector<Tensor> positions;
  std::int64_t first = 0;
  for (const std::int64_t size : sizes_of(state.x)) {
    const std::int64_t places = places_of_samples(wave_, size);
    const Tensor own = unsqueeze(transpose(slice(projected, 0, first, first + places), 0, 1), 0);
    positions.push_back(squeeze(transpose(positions_->forward(contiguous(own)), 1, 2), 0));
    first += places;
  }
  const Tensor sum = projected + contiguous(concatenate(positions, 0));
  return dropout_->forward(pre_norm_ ? sum : norm_->forward(sum));
}

void Wav2Vec2::run_group(int group, ModelState& state) {
  const RandomScope random(state.rows->random());
  if (group == 0)
    state.h = convolve(state.x);
  else if (group == 1)
    state.h = project(state.h, state);
  else
    state.h = layers_[static_cast<std::size_t>(group - 2)]->forward(state.h, *state.rows);
  if (projector_ != nullptr && pre_norm_ && group == head() - 1) state.h = norm_->forward(state.h);
}

Tensor Wav2Vec2::pool(ModelState state) {
  if (projector_ != nullptr) return mean_state(std::move(state));
  const RandomScope random(state.rows->random());
  return final_dropout_->forward(pre_norm_ ? norm_->forward(state.h) : state.h);
}

Tensor Wav2Vec2::head_features(const Tensor& pooled) {
  return projector_ != nullptr ? projector_->forward(pooled) : pooled;
}

std::string_view Wav2Vec2::prefix_in_file() const { return kWavePrefixes[is_hubert_ ? 1 : 0]; }

std::string Wav2Vec2::name_in_file(const std::string& name) const {
  return is_sound_head(name) ? name : std::string(prefix_in_file()) + name;
}

std::optional<std::string> Wav2Vec2::name_in_model(const std::string& name_in_file) const {
  std::string name = name_in_file;
  if (name.starts_with(prefix_in_file())) name.erase(0, prefix_in_file().size());
  // What pretraining alone uses.
  for (const char* other : {"masked_spec_embed", "quantizer.", "project_q.", "project_hid."})
    if (name.starts_with(other)) return std::nullopt;
  if (is_other_sound_head(*this, name)) return std::nullopt;
  // Older versions of PyTorch call the two parts so.
  const std::string old = concat(kPositionConv, ".weight_");
  if (name == old + "g") return concat(kPositionConv, ".parametrizations.weight.original0");
  if (name == old + "v") return concat(kPositionConv, ".parametrizations.weight.original1");
  return name;
}

std::vector<std::string> Wav2Vec2::lora_targets() const { return {"q_proj", "v_proj"}; }

std::vector<std::string> Wav2Vec2::bottleneck_targets() const {
  return {kWaveLayerNames.attention.output, kWaveLayerNames.output};
}

namespace {

// Behind what the family is called.
constexpr const char* kWaveRecogniser = "ForCTC";
constexpr const char* kWaveClassifier = "ForSequenceClassification";

void check_wave_in(const WaveConfig& wave, const TransformerConfig& t, const std::string& path) {
  if (wave.kernels.empty() || wave.kernels.size() > 64 || wave.channels.size() != wave.kernels.size() ||
      wave.strides.size() != wave.kernels.size())
    fail_input("conv_dim, conv_kernel and conv_stride have ", wave.channels.size(), ", ", wave.kernels.size(),
               " and ", wave.strides.size(), " values (", path,
               "); they need one for each of 1 to 64 layers");
  std::int64_t stride = 1;
  for (std::size_t i = 0; i < wave.kernels.size(); ++i) {
    check_size_in("conv_dim", wave.channels[i], 1 << 16, path);
    check_size_in("conv_kernel", wave.kernels[i], 1 << 12, path);
    check_size_in("conv_stride", wave.strides[i], 1 << 12, path);
    stride *= wave.strides[i];
    check_size_in("stride of all convolutions", stride, 1 << 20, path);
  }
  check_size_in("num_conv_pos_embeddings", wave.position_kernel, 1 << 12, path);
  check_size_in("num_conv_pos_embedding_groups", wave.position_groups, t.hidden_size, path);
  if (t.hidden_size % wave.position_groups != 0)
    fail_input("num_conv_pos_embedding_groups is ", wave.position_groups, " (", path,
               "), which does not divide the hidden size ", t.hidden_size, "; make the folder again");
}

}  // namespace

void read_wav2vec2(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  TransformerConfig& t = config.transformer;
  WaveConfig& wave = config.wave;
  t.layer_norm_eps = 1e-5;
  t.hidden_dropout = t.attention_dropout = t.activation_dropout = t.classifier_dropout = 0.1;
  wave.channels = {512, 512, 512, 512, 512, 512, 512};
  wave.kernels = {10, 3, 3, 3, 3, 2, 2};
  wave.strides = {5, 2, 2, 2, 2, 2, 2};
  read_field(json, "hidden_size", path, t.hidden_size);
  read_field(json, "num_hidden_layers", path, t.layers);
  read_field(json, "num_attention_heads", path, t.heads);
  read_field(json, "intermediate_size", path, t.intermediate_size);
  read_optional_field(json, "hidden_act", path, t.activation);
  read_optional_field(json, "layer_norm_eps", path, t.layer_norm_eps);
  read_optional_field(json, "initializer_range", path, t.initializer_range);
  read_optional_field(json, "hidden_dropout", path, t.hidden_dropout);
  read_optional_field(json, "attention_dropout", path, t.attention_dropout);
  read_optional_field(json, "activation_dropout", path, t.activation_dropout);
  read_optional_field(json, "feat_proj_dropout", path, t.embedding_dropout);
  read_optional_field(json, "final_dropout", path, t.classifier_dropout);
  read_optional_field(json, "conv_dim", path, wave.channels);
  read_optional_field(json, "conv_kernel", path, wave.kernels);
  read_optional_field(json, "conv_stride", path, wave.strides);
  read_optional_field(json, "conv_bias", path, wave.bias);
  read_optional_field(json, "num_conv_pos_embeddings", path, wave.position_kernel);
  read_optional_field(json, "num_conv_pos_embedding_groups", path, wave.position_groups);
  read_optional_field(json, "do_stable_layer_norm", path, wave.pre_norm);
  read_optional_field(json, "feat_proj_layer_norm", path, wave.feature_norm);
  std::string norm = "group", activation = "gelu";
  read_optional_field(json, "feat_extract_norm", path, norm);
  read_optional_field(json, "feat_extract_activation", path, activation);
  if ((norm != "group" && norm != "layer") || activation != "gelu")
    fail_input("a ", config.architecture, " with feat_extract_norm = \"", norm,
               "\" and feat_extract_activation = \"", activation, "\" (", path,
               ") is not in this version; it has \"group\" and \"layer\", and \"gelu\"");
  wave.group_norm = norm == "group";
  check_switches(json, path, config, {{"add_adapter", false}, {"conv_pos_batch_norm", false}});
  check_sizes_in(t, path);
  check_wave_in(wave, t, path);
  read_sound_head(json, path, kWaveClassifier, config);
  // The head's rows are the tokenizer's characters, which id2label need not name.
  if (class_in(json).ends_with(kWaveRecogniser))
    read_optional_field(json, "vocab_size", path, config.outputs);
  if (static_cast<std::int64_t>(config.labels.size()) != config.outputs) config.labels.clear();
}

void write_wav2vec2(const ModelConfig& config, nlohmann::ordered_json& json) {
  const TransformerConfig& t = config.transformer;
  const std::string family = config.architecture == "hubert" ? "Hubert" : "Wav2Vec2";
  write_sound_head(config, (family + kWaveClassifier).c_str(), (family + kWaveRecogniser).c_str(), json);
  json["hidden_dropout"] = t.hidden_dropout;
  json["attention_dropout"] = t.attention_dropout;
  json["activation_dropout"] = t.activation_dropout;
  json["feat_proj_dropout"] = t.embedding_dropout;
  json["final_dropout"] = t.classifier_dropout;
  json.erase("problem_type");
  if (config.pools_places) return;
  json["vocab_size"] = config.outputs;
  json["pad_token_id"] = 0;  // the blank of CTC, as transformers has it
}

}  // namespace thaw
