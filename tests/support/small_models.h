// The smallest model of every architecture.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nn/models/registry.h"

namespace thaw::test {

// The Whisper that writes with its decoder: no architecture of its own.
inline constexpr const char* kSmallWriter = "whisper-writer";

// What stands behind the name of one that hears where it classifies sounds; else it recognises speech.
inline constexpr std::string_view kClassifierEnd = "-classifier";

inline std::vector<std::string> models_without_decoder() {
  std::vector<std::string> names = all_architectures();
  names.insert(names.end(), {"whisper-classifier", "wav2vec2-classifier", "hubert-classifier"});
  return names;
}

inline std::vector<std::string> all_small_models() {
  std::vector<std::string> names = models_without_decoder();
  names.emplace_back(kSmallWriter);
  return names;
}

inline ModelConfig small_model(const std::string& name) {
  const bool writes = name == kSmallWriter, classifies_sounds = name.ends_with(kClassifierEnd);
  const std::string architecture = writes              ? "whisper"
                                   : classifies_sounds ? name.substr(0, name.size() - kClassifierEnd.size())
                                                       : name;
  ModelConfig config;
  config.architecture = architecture;
  config.hidden = {8, 7};
  config.width = 4;
  config.depth = 2;
  config.outputs = 3;
  TransformerConfig& t = config.transformer;
  t.vocab_size = 20;
  t.positions = 80;
  t.token_types = 2;
  t.patch_size = 4;
  t.hidden_size = 8;
  t.layers = 2;
  t.heads = 2;
  t.intermediate_size = 16;
  ConvNetConfig& c = config.conv_net;
  c.stem_channels = 4;
  c.stages = {{.channels = 8, .squeeze = 3},
              {.channels = 12, .depth = 2, .kernel = 5, .stride = 2, .expansion = 2, .squeeze = 4}};
  c.last_channels = 16;
  c.patch_size = 2;
  c.layer_scale = 0.5;
  config.sample_shape =
      architecture == "mlp" ? std::vector<std::int64_t>{6} : std::vector<std::int64_t>{2, 8, 8};
  if (has_own_lengths(config)) config.sample_shape.clear();
  config.mels = 5;
  config.wave = {
      .channels = {6, 4}, .kernels = {5, 3}, .strides = {3, 2}, .position_kernel = 4, .position_groups = 2};
  config.wave.group_norm = architecture != "hubert";
  config.wave.pre_norm = architecture == "hubert";
  if (writes) config.decoder = {true, 2, 2, 12, 16, 20};
  if (writes) config.outputs = config.decoder.vocab_size;
  config.pools_places = classifies_sounds;
  config.projection = 6;
  t.pooling = own_pooling(config);
  return config;
}

}  // namespace thaw::test
