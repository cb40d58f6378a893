#include "nn/layers/adapter.h"

#include <cmath>
#include <limits>

#include "core/ops.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

// The norm of each row, at least the smallest normal number, so that a row of zeros stays zero when divided
// by it.
Tensor row_norms(const Tensor& w) {
  return clamp(sqrt(sum(square(w), {1}, true)), std::numeric_limits<float>::min(),
               std::numeric_limits<float>::max());
}

}  // namespace

double LoraOptions::scale() const {
  const auto rank = static_cast<double>(r);
  return alpha / (rslora ? std::sqrt(rank) : rank);
}

LoraAdapter::LoraAdapter(const Tensor& weight, const LoraOptions& options, const Init& init)
    : options_(options),
      // PEFT's default: A is drawn like nn.Linear's weight, B is zero.
      a_(add_parameter("lora_A.weight",
                       init.uniform_fan_in({options.r, weight.size(1)}, weight.size(1), "lora_A.weight"),
                       ParameterKind::lora)),
      b_(add_parameter("lora_B.weight", init.constant({weight.size(0), options.r}, 0), ParameterKind::lora)),
      dropout_(add_module("lora_dropout", std::make_unique<Dropout>(options.dropout))) {
  if (!options.dora) return;
  magnitude_ =
      add_parameter("lora_magnitude_vector", init.constant({weight.size(0)}, 0), ParameterKind::lora);
  reset_magnitude(weight);
}

Tensor LoraAdapter::forward(const Tensor& x, const Tensor& y, const Linear& layer) {
  const TraceScope trace(scope());
  const Tensor dropped = dropout_.forward(x);
  Tensor update = linear(dropped, a_->tensor);
  update = linear(update, b_->tensor) * options_.scale();
  if (!magnitude_) return y + update;
  const Tensor weight = layer.matrix();
  const Tensor factor = magnitude_->tensor / norm(weight).reshape({weight.size(0)});
  const Tensor bias = layer.bias() ? layer.bias()->tensor : Tensor();
  Tensor base = y;
  if (dropout_.live())
    base = linear(dropped, weight);
  else if (bias.defined())
    base = y - bias;
  return y + (base * (factor - 1) + update * factor);
}

Tensor LoraAdapter::delta() const { return matmul(b_->tensor, a_->tensor) * options_.scale(); }

Tensor LoraAdapter::norm(const Tensor& weight) const {
  const NoGrad no_grad;
  return magnitude_ ? row_norms(weight + delta()) : Tensor();
}

Tensor LoraAdapter::merged(const Tensor& weight) const {
  const NoGrad no_grad;
  const Tensor sum = weight + delta();
  return magnitude_ ? sum * (unsqueeze(magnitude_->tensor, 1) / row_norms(sum)) : sum;
}

Tensor LoraAdapter::unmerged(const Tensor& merged, const Tensor& norm) const {
  const NoGrad no_grad;
  return (magnitude_ ? merged / (unsqueeze(magnitude_->tensor, 1) / norm) : merged) - delta();
}

void LoraAdapter::reset_magnitude(const Tensor& weight) {
  const NoGrad no_grad;
  if (magnitude_) kernels::copy(magnitude_->tensor, norm(weight).reshape({weight.size(0)}));
}

BottleneckAdapter::BottleneckAdapter(std::int64_t out, const BottleneckOptions& options, const Init& init)
    : options_(options), activation_(activation_named(options.activation)) {
  const auto add = [&](const char* name, const Tensor& value, bool is_bias) {
    return add_parameter(name, value, ParameterKind::adapter, is_bias);
  };
  down_ = add("down.weight", init.uniform_fan_in({options.size, out}, out, "down.weight"), false);
  down_bias_ = add("down.bias", init.uniform_fan_in({options.size}, out, "down.bias"), true);
  up_ = add("up.weight", init.constant({out, options.size}, 0), false);
  up_bias_ = add("up.bias", init.constant({out}, 0), true);
}

Tensor BottleneckAdapter::forward(const Tensor&, const Tensor& y, const Linear&) {
  const TraceScope trace(scope());
  Tensor h = linear(y, down_->tensor, down_bias_->tensor);
  h = activation_(h);
  h = linear(h, up_->tensor, up_bias_->tensor);
  return y + h;
}

}  // namespace thaw
