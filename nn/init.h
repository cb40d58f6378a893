// Init: how a module makes its tensors: from which seed, on which device, and under which name. The first values are
// PyTorch's defaults, each draw keyed by the seed and the tensor's name.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor.h"

namespace thaw {

struct Init {
  std::uint64_t seed = 0;
  Device device = kCpu;
  std::string path = {};  // the module's dotted name; empty for the model

  // For the module of that name inside this one.
  Init in(const std::string& name) const;

  // The uniform distribution of nn.Linear and nn.Conv, for weights and biases alike:
  //   U(-bound, bound)
  //   bound = 1 / sqrt(fan_in)
  // It is kaiming_uniform with a = sqrt(5) (He et al. 2015). `name` is the parameter's in its module.
  Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in, const std::string& name) const;
  // Normal with mean 0; `deviation` is the standard deviation, 1 for nn.Embedding.
  Tensor normal(const Shape& shape, double deviation, const std::string& name) const;
  Tensor constant(const Shape& shape, double value) const;
};

}  // namespace thaw
