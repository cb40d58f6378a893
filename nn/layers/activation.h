// Activation functions by the names that configs give them.
#pragma once

#include <string>

#include "core/tensor.h"

namespace thaw {

using Activation = Tensor (*)(const Tensor&);

// "gelu" (exact), "gelu_new" or "gelu_pytorch_tanh" (by tanh), "relu", "silu" or "swish", "tanh".
// InputError else.
Activation activation_named(const std::string& name);

}  // namespace thaw
