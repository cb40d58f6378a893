// Activation functions by their names in configs.
#pragma once

#include <string>

#include "core/tensor.h"

namespace thaw {

using Activation = Tensor (*)(const Tensor&);

// By name; InputError for any other:
//   "gelu"                             exact
//   "gelu_new" or "gelu_pytorch_tanh"  GELU's approximation by tanh
//   "relu"
//   "silu" or "swish"
//   "tanh"
Activation activation_named(const std::string& name);

}  // namespace thaw
