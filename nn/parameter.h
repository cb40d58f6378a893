// Parameter: a named tensor with the switches of fine-tuning.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace thaw {

// What a parameter is, for selectors such as kind:bias. A norm's bias is both: kind norm, with is_bias set.
enum class ParameterKind : unsigned char { weight, bias, norm, embedding, lora, adapter };
const char* kind_name(ParameterKind kind);

struct Parameter {
  Tensor tensor;
  std::string name;                  // dotted, as in PyTorch checkpoints: "layers.0.weight"
  std::vector<std::string> aliases;  // further names of a tied weight
  ParameterKind kind = ParameterKind::weight;
  bool is_bias = false;
  int group = 0;  // depth index: 0 is the bottom

  // This parameter's learning rate, where lr(step) is the run's:
  //   lr(step) * lr_mult
  double lr_mult = 1.0;
  bool weight_decay = true;

  bool requires_grad() const { return tensor.requires_grad(); }
  void set_requires_grad(bool value) {
    tensor.set_requires_grad(value);
    if (!value) tensor.clear_grad();
  }
};

using ParameterPtr = std::shared_ptr<Parameter>;

// A tensor that is saved with the weights but not trained (running statistics).
struct Buffer {
  Tensor tensor;
  std::string name;
};
using BufferPtr = std::shared_ptr<Buffer>;

}  // namespace thaw
