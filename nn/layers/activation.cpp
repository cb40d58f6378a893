#include "nn/layers/activation.h"

#include "core/error.h"
#include "core/ops.h"

namespace thaw {

Activation activation_named(const std::string& name) {
  if (name == "gelu") return gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return gelu_tanh;
  if (name == "relu") return relu;
  if (name == "silu" || name == "swish") return silu;
  if (name == "tanh") return tanh;
  fail_input("unknown activation '", name, "'; use gelu, gelu_new, relu, silu or tanh");
}

}  // namespace thaw
