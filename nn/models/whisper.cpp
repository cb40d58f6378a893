#include "nn/models/whisper.h"

#include <cmath>

#include "core/error.h"
#include "core/ops.h"
#include "nn/layers/token_rows.h"
#include "nn/models/architecture.h"
#include "nn/models/checkpoint_class.h"
#include "nn/models/sound_head.h"

namespace thaw {
namespace {

constexpr std::string_view kWhisperPrefix = "model.";  // of all names in a checkpoint but the last layer's

// Sines and cosines of C / 2 wavelengths from 2 pi to 10,000 * 2 pi places (Vaswani et al. 2017, section 3.5, with all
// sines first): [places, C].
Tensor sinusoids(std::int64_t places, std::int64_t channels, const Init& init) {
  Tensor table = init.constant({places, channels}, 0);
  if (table.device().kind == DeviceKind::meta) return table;
  const std::int64_t half = channels / 2;
  const double step = std::log(10000.0) / static_cast<double>(half - 1);
  float* to = table.data<float>();
  for (std::int64_t t = 0; t < places; ++t, to += channels)
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(t) * std::exp(-step * static_cast<double>(i));
      to[i] = static_cast<float>(std::sin(angle));
      to[half + i] = static_cast<float>(std::cos(angle));
    }
  return table;
}

// 1 where a frame is of a sound, 0 behind its end: [B, 1, 2 T]. A place is two frames.
Tensor frames_of_places(const Tensor& mask, const Options& options) {
  const Tensor places = unsqueeze(cast(mask, options.dtype), -1);
  return expand(places, {-1, -1, 2}).reshape({mask.size(0), 1, 2 * mask.size(1)});
}

}  // namespace

WhisperFrontEnd::WhisperFrontEnd(const ModelConfig& config, const Init& init)
    : conv1_(add_module("conv1", std::make_unique<Conv1d>(config.mels, config.transformer.hidden_size, 3,
                                                          init.in("conv1"), ConvOptions{.padding = 1}))),
      conv2_(add_module(
          "conv2", std::make_unique<Conv1d>(config.transformer.hidden_size, config.transformer.hidden_size, 3,
                                            init.in("conv2"), ConvOptions{.stride = 2, .padding = 1}))),
      positions_(add_buffer("embed_positions.weight",
                            sinusoids(config.transformer.positions, config.transformer.hidden_size, init))),
      dropout_(add_module("dropout", std::make_unique<Dropout>(config.transformer.hidden_dropout))) {}

Tensor WhisperFrontEnd::forward(const Tensor& features, const TokenRows& places) {
  const TraceScope trace(scope());
  Tensor h = gelu(conv1_.forward(contiguous(transpose(features, 1, 2))));
  if (places.mask().defined()) h = h * frames_of_places(places.mask(), like(h));
  h = transpose(gelu(conv2_.forward(h)), 1, 2);
  h = h + slice(positions_->tensor, 0, 0, h.size(1));
  return dropout_.forward(places.pack(h));
}

WhisperEncoder::WhisperEncoder(const ModelConfig& config, const Init& init)
    : mels_(config.mels), longest_(config.transformer.positions) {
  const TransformerConfig& t = config.transformer;
  front_end_ = &add_module("encoder", std::make_unique<WhisperFrontEnd>(config, init.in("encoder")));
  const EncoderLayer::Options options{.pre_norm = true, .attention_output_dropout = t.hidden_dropout};
  for (std::int64_t i = 0; i < t.layers; ++i) {
    const std::string path = concat("encoder.layers.", i);
    layers_.push_back(
        &add_module(path, std::make_unique<EncoderLayer>(t, kWhisperLayerNames, options, init.in(path))));
  }
  norm_ = &add_module(
      "encoder.layer_norm",
      std::make_unique<LayerNorm>(t.hidden_size, init.in("encoder.layer_norm"), t.layer_norm_eps));
}

std::vector<Group> WhisperEncoder::encoder_groups() const {
  std::vector<Group> groups{
      {"conv", {"encoder.conv1", "encoder.conv2", "encoder.embed_positions", "encoder.dropout"}}};
  for (std::size_t i = 0; i < layers_.size(); ++i)
    groups.push_back({concat("encoder.", i), {concat("encoder.layers.", i)}});
  return groups;
}

ModelState WhisperEncoder::begin(const ModelInput& x) {
  const Tensor& features = x.values;
  if (features.rank() != 3 || features.size(2) != mels_ || features.size(1) % 2 != 0)
    fail_input("the model takes features [sounds, frames, ", mels_, "] with an even number of frames, not ",
               features.shape());
  const std::int64_t places = features.size(1) / 2;
  if (places > longest_)
    fail_input("a sound of ", places, " places is longer than the model's ", longest_, "; cut it into parts");
  ModelState state{x};
  state.rows = std::make_shared<const TokenRows>(features.size(0), places, x.padding, features.device());
  return state;
}

void WhisperEncoder::run_group(int group, ModelState& state) {
  const RandomScope random(state.rows->random());
  state.h = group == 0 ? front_end_->forward(state.x.values, *state.rows)
                       : layers_[static_cast<std::size_t>(group - 1)]->forward(state.h, *state.rows);
}

std::string_view WhisperEncoder::prefix_in_file() const { return kWhisperPrefix; }

std::string WhisperEncoder::name_in_file(const std::string& name) const {
  return is_sound_head(name) ? name : std::string(kWhisperPrefix) + name;
}

std::optional<std::string> WhisperEncoder::name_in_model(const std::string& name_in_file) const {
  std::string name = name_in_file;
  while (name.starts_with(kWhisperPrefix))
    name.erase(0, kWhisperPrefix.size());  // Lightning puts one more there
  if (!writes() && (name.starts_with("decoder.") || name == "proj_out.weight")) return std::nullopt;
  if (is_other_sound_head(*this, name)) return std::nullopt;
  return name;
}

std::vector<std::string> WhisperEncoder::lora_targets() const { return {"q_proj", "v_proj"}; }

std::vector<std::string> WhisperEncoder::bottleneck_targets() const {
  return {kWhisperLayerNames.attention.output, kWhisperLayerNames.output};
}

Whisper::Whisper(const ModelConfig& config, const Init& init) : WhisperEncoder(config, init) {
  // As Wav2Vec2ForCTC calls it: Whisper itself has no such layer.
  classifier_ = &add_module(
      kCharacterHead,
      std::make_unique<Linear>(config.transformer.hidden_size, config.outputs, init.in(kCharacterHead)));
  std::vector<Group> groups = encoder_groups();
  groups.push_back({"head", {"encoder.layer_norm", kCharacterHead}});
  finish(std::move(groups));
  init_transformer(*this, config.transformer.initializer_range, init);
}

WhisperClassifier::WhisperClassifier(const ModelConfig& config, const Init& init)
    : WhisperEncoder(config, init),
      projector_(&add_module(kProjector, std::make_unique<Linear>(config.transformer.hidden_size,
                                                                  config.projection, init.in(kProjector)))),
      classifier_(&add_module(kSoundClassifier, std::make_unique<Linear>(config.projection, config.outputs,
                                                                         init.in(kSoundClassifier)))) {
  std::vector<Group> groups = encoder_groups();
  groups.back().prefixes.emplace_back("encoder.layer_norm");
  groups.push_back({"head", {kProjector, kSoundClassifier}});
  finish(std::move(groups));
  init_transformer(*this, config.transformer.initializer_range, init);
}

void WhisperClassifier::run_group(int group, ModelState& state) {
  WhisperEncoder::run_group(group, state);
  if (group == head() - 1) state.h = encoder_norm().forward(state.h);
}

Tensor WhisperClassifier::pool(ModelState state) { return mean_state(std::move(state)); }

namespace {

constexpr const char* kWhisperWriter = "WhisperForConditionalGeneration";
constexpr const char* kWhisperClassifier = "WhisperForAudioClassification";

void check_decoder_in(const DecoderConfig& decoder, const TransformerConfig& encoder,
                      const std::string& path) {
  check_size_in("number of decoder layers", decoder.layers, 1 << 10, path);
  check_size_in("number of decoder positions", decoder.positions, 1 << 20, path);
  check_size_in("vocabulary", decoder.vocab_size, 1 << 24, path);
  TransformerConfig layers = encoder;
  layers.layers = decoder.layers;
  layers.heads = decoder.heads;
  layers.intermediate_size = decoder.intermediate_size;
  check_sizes_in(layers, path);
}

}  // namespace

void read_whisper(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  TransformerConfig& t = config.transformer;
  t.positions = 1500;
  t.layer_norm_eps = 1e-5;
  read_field(json, "d_model", path, t.hidden_size);
  read_field(json, "encoder_layers", path, t.layers);
  read_field(json, "encoder_attention_heads", path, t.heads);
  read_field(json, "encoder_ffn_dim", path, t.intermediate_size);
  read_optional_field(json, "num_mel_bins", path, config.mels);
  read_optional_field(json, "max_source_positions", path, t.positions);
  read_optional_field(json, "activation_function", path, t.activation);
  read_optional_field(json, "dropout", path, t.hidden_dropout);
  read_optional_field(json, "attention_dropout", path, t.attention_dropout);
  read_optional_field(json, "init_std", path, t.initializer_range);
  DecoderConfig& decoder = config.decoder;
  decoder.positions = 448;
  read_optional_field(json, "decoder_layers", path, decoder.layers);
  read_optional_field(json, "decoder_attention_heads", path, decoder.heads);
  read_optional_field(json, "decoder_ffn_dim", path, decoder.intermediate_size);
  read_optional_field(json, "max_target_positions", path, decoder.positions);
  read_optional_field(json, "vocab_size", path, decoder.vocab_size);
  for (const char* key : {"activation_dropout", "encoder_layerdrop", "decoder_layerdrop"}) {
    double p = 0;
    read_optional_field(json, key, path, p);
    if (p != 0)
      fail_input("a Whisper with ", key, " = ", p, " (", path, ") is not in this version; set it to 0");
  }
  check_switches(json, path, config,
                 {{"apply_spec_augment", false}, {"scale_embedding", false}, {"tie_word_embeddings", true}});
  check_size_in("number of mel bands", config.mels, 1 << 10, path);
  check_size_in("number of places", t.positions, 1 << 16, path);
  check_sizes_in(t, path);
  if (decoder.layers != 0) check_decoder_in(decoder, t, path);
  if (t.hidden_size % 2 != 0 || t.hidden_size < 4)
    fail_input("the model's hidden size is ", t.hidden_size, " (", path,
               "); its positions need an even one, of at least 4");
  decoder.writes = decoder.layers > 0 && class_in(json) == kWhisperWriter;
  if (decoder.writes)
    config.outputs = decoder.vocab_size;
  else
    read_sound_head(json, path, kWhisperClassifier, config);
}

void write_whisper(const ModelConfig& config, nlohmann::ordered_json& json) {
  const TransformerConfig& t = config.transformer;
  json["dropout"] = t.hidden_dropout;
  json["attention_dropout"] = t.attention_dropout;
  if (config.decoder.writes)
    json["architectures"] = {kWhisperWriter};
  else
    write_sound_head(config, kWhisperClassifier, "WhisperForCTC", json);
  json.erase("problem_type");
}

}  // namespace thaw
