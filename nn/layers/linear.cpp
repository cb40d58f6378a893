#include "nn/layers/linear.h"

#include "core/error.h"
#include "core/ops.h"

namespace thaw {

Linear::Linear(std::int64_t in, std::int64_t out, const Init& init, bool bias, WeightLayout layout)
    : layout_(layout) {
  const Shape shape = layout == WeightLayout::out_in ? Shape{out, in} : Shape{in, out};
  weight_ = add_parameter("weight", init.uniform_fan_in(shape, in, "weight"), ParameterKind::weight);
  if (bias) bias_ = add_parameter("bias", init.uniform_fan_in({out}, in, "bias"), ParameterKind::bias, true);
}

Linear::Linear(const ParameterPtr& weight) : layout_(WeightLayout::out_in), weight_(weight) {
  tie_parameter("weight", weight);
}

Tensor Linear::in_layout(const Tensor& matrix) const {
  return layout_ == WeightLayout::out_in ? matrix : matrix.mT();
}

Tensor Linear::forward(const Tensor& x) {
  const TraceScope trace(scope());
  const Tensor y = linear(x, matrix(), bias_ ? bias_->tensor : Tensor());
  return adapter_ != nullptr && !merged_ ? adapter_->forward(x, y, *this) : y;
}

void Linear::attach(const AdapterOptions& options, std::uint64_t seed) {
  if (adapter_ != nullptr)
    fail_input("the layer ", path(), " has an adapter already; start from a model without it");
  const Tensor w = matrix();
  const Init init{seed, w.device(), path()};
  if (const auto* lora = std::get_if<LoraOptions>(&options))
    // Registered without a name of its own: PEFT's "<layer>.lora_A.weight".
    adapter_ = &add_module("", std::make_unique<LoraAdapter>(w, *lora, init));
  else
    adapter_ =
        &add_module("adapter", std::make_unique<BottleneckAdapter>(
                                   w.size(0), std::get<BottleneckOptions>(options), init.in("adapter")));
  adapter_->train(training());
}

void Linear::detach() {
  if (adapter_ != nullptr) remove_module(*adapter_);
  adapter_ = nullptr;
  merged_ = false;
}

LoraAdapter* Linear::lora() const { return dynamic_cast<LoraAdapter*>(adapter_); }

Tensor Linear::merged_weight() const {
  return lora() != nullptr && !merged_ ? in_layout(lora()->merged(matrix())) : weight_->tensor;
}

void Linear::merge() {
  const LoraAdapter* adapter = lora();
  if (adapter == nullptr || merged_) return;
  const NoGrad no_grad;
  merged_norm_ = adapter->norm(matrix());
  const Tensor weight = in_layout(adapter->merged(matrix()));
  kernels::copy(weight_->tensor, weight);
  merged_ = true;
}

void Linear::unmerge() {
  if (!merged_) return;
  const NoGrad no_grad;
  const Tensor weight = in_layout(lora()->unmerged(matrix(), merged_norm_));
  kernels::copy(weight_->tensor, weight);
  merged_ = false;
}

}  // namespace thaw
