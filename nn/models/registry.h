// Built-in architectures by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/module.h"

namespace thaw {

// What it takes to build a model again: saved as config.json beside its weights.
struct ModelConfig {
  std::string architecture;                 // "mlp", "cnn"
  std::vector<std::int64_t> hidden = {64};  // mlp: sizes of the hidden layers
  std::string activation = "relu";          // mlp: "relu", "gelu", "tanh"
  double dropout = 0;
  std::int64_t width = 16;                 // cnn: channels of the first block; each later block doubles them
  std::int64_t depth = 3;                  // cnn: residual blocks
  std::vector<std::int64_t> sample_shape;  // one sample: [features], or [C, H, W]
  std::int64_t outputs = 0;                // classes, or 1 for regression
};

// Weights from the seed of the current InitSeed. Throws InputError for an unknown name or impossible sizes.
std::unique_ptr<Model> make_model(const ModelConfig& config);
std::vector<std::string> architectures();

// Parameters and buffers a config asks for, in elements. Allocates nothing: it builds the model on the meta
// device.
std::int64_t count_elements(const ModelConfig& config);

}  // namespace thaw
