// Linear layer for a weight W [out, in], with a place for an adapter at the frozen weight:
//   y = x W^T + b
#pragma once

#include "nn/init.h"
#include "nn/layers/adapter.h"
#include "nn/module.h"

namespace thaw {

// A weight's layout in memory and files: as in nn.Linear, or transposed (GPT-2's Conv1D).
enum class WeightLayout : unsigned char { out_in, in_out };

class Linear : public Module {
 public:
  // x [.., in] -> [.., out].
  Linear(std::int64_t in, std::int64_t out, const Init& init, bool bias = true,
         WeightLayout layout = WeightLayout::out_in);
  // Without a bias, for another module's weight [out, in] (tied weights).
  explicit Linear(const ParameterPtr& weight);
  Tensor forward(const Tensor& x);

  const ParameterPtr& weight() const { return weight_; }  // [out, in], or [in, out] by layout()
  const ParameterPtr& bias() const { return bias_; }      // [out] or null
  WeightLayout layout() const { return layout_; }
  Tensor matrix() const { return in_layout(weight_->tensor); }  // the weight as [out, in]

  // Adds an adapter, drawn from `seed`; the caller then refreshes the model's names. InputError if there is one
  // already.
  void attach(const AdapterOptions& options, std::uint64_t seed);
  void detach();
  Adapter* adapter() const { return adapter_; }
  LoraAdapter* lora() const;  // null unless the adapter is one

  // The weight with a LoRA or DoRA merged, in the weight's layout; unchanged without one.
  Tensor merged_weight() const;
  // Writes the merged weight into the weight, or removes the adapter from it again, up to rounding. While
  // merged, forward uses the weight alone and the adapter does not train.
  void merge();
  void unmerge();

 private:
  // A matrix [out, in] in the weight's layout, and back: the two layouts are each other's transpose.
  Tensor in_layout(const Tensor& matrix) const;

  WeightLayout layout_;
  ParameterPtr weight_, bias_;
  Adapter* adapter_ = nullptr;
  bool merged_ = false;
  Tensor merged_norm_;  // of a merged DoRA
};

}  // namespace thaw
