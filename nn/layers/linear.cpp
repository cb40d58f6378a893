#include "nn/layers/linear.h"

#include "nn/init.h"

namespace thaw {

LoraAdapter::LoraAdapter(std::int64_t in, std::int64_t out, Options options, const std::string& path)
    : options_(options),
      // PEFT's default: A as nn.Linear's kaiming_uniform, B zero.
      a_(add_parameter("lora_A.weight", init::uniform_fan_in({options.r, in}, in, path + ".lora_A.weight"),
                       ParameterKind::lora)),
      b_(add_parameter("lora_B.weight", init::constant({out, options.r}, 0), ParameterKind::lora)),
      dropout_(add_module("lora_dropout", std::make_unique<Dropout>(options.dropout))) {}

Tensor LoraAdapter::forward(const Tensor& x) {
  const TraceScope trace(scope());
  const double scale = options_.alpha / static_cast<double>(options_.r);
  return linear(linear(dropout_.forward(x), a_->tensor), b_->tensor) * scale;
}

Tensor LoraAdapter::delta() const {
  return matmul(b_->tensor, a_->tensor) * (options_.alpha / static_cast<double>(options_.r));
}

Linear::Linear(std::int64_t in, std::int64_t out, const std::string& path, bool bias, WeightLayout layout)
    : layout_(layout),
      weight_(
          add_parameter("weight",
                        init::uniform_fan_in(layout == WeightLayout::out_in ? Shape{out, in} : Shape{in, out},
                                             in, path + ".weight"),
                        ParameterKind::weight)) {
  if (bias)
    bias_ = add_parameter("bias", init::uniform_fan_in({out}, in, path + ".bias"), ParameterKind::bias, true);
}

Tensor Linear::in_layout(const Tensor& matrix) const {
  return layout_ == WeightLayout::out_in ? matrix : matrix.mT();
}

Tensor Linear::forward(const Tensor& x) {
  const TraceScope trace(scope());
  const Tensor y = linear(x, matrix(), bias_ ? bias_->tensor : Tensor());
  return adapter_ ? y + adapter_->forward(x) : y;
}

void Linear::attach(const LoraAdapter::Options& options) {
  const Tensor w = matrix();
  // Named into the layer itself: PEFT's "<layer>.lora_A.weight".
  adapter_ = &add_module("", std::make_unique<LoraAdapter>(w.size(1), w.size(0), options, path()));
  adapter_->train(training());
}

Tensor Linear::merged_weight() const {
  const NoGrad no_grad;
  return adapter_ ? weight_->tensor + in_layout(adapter_->delta()) : weight_->tensor;
}

}  // namespace thaw
