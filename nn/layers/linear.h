// Linear: y = x W^T + b for a weight [out, in], with room for a low-rank adapter beside the frozen weight.
#pragma once

#include "nn/layers/dropout.h"
#include "nn/module.h"

namespace thaw {

// LoRA (Hu et al. 2021, eq. 3): W + alpha/r * B A. B starts at zero, so at first the output is the base's,
// bit for bit. Named as PEFT names it: lora_A.weight [r, in], lora_B.weight [out, r].
class LoraAdapter : public Module {
 public:
  struct Options {
    std::int64_t r = 8;
    double alpha = 8;
    double dropout = 0;
  };
  LoraAdapter(std::int64_t in, std::int64_t out, Options options, const std::string& path);
  Tensor forward(const Tensor& x);
  Tensor delta() const;  // alpha/r * B A, [out, in]
  const Options& options() const { return options_; }
  const ParameterPtr& a() const { return a_; }
  const ParameterPtr& b() const { return b_; }

 private:
  Options options_;
  ParameterPtr a_, b_;
  Dropout& dropout_;
};

// How a weight lies in memory and in files: as nn.Linear's, or the other way round (GPT-2's Conv1D).
enum class WeightLayout : unsigned char { out_in, in_out };

class Linear : public Module {
 public:
  // x [.., in] -> [.., out]. `path` is the layer's dotted name: it keys the initial weights.
  Linear(std::int64_t in, std::int64_t out, const std::string& path, bool bias = true,
         WeightLayout layout = WeightLayout::out_in);
  Tensor forward(const Tensor& x);

  const ParameterPtr& weight() const { return weight_; }  // [out, in], or [in, out] by layout()
  const ParameterPtr& bias() const { return bias_; }      // [out] or null
  WeightLayout layout() const { return layout_; }
  Tensor matrix() const { return in_layout(weight_->tensor); }  // the weight as [out, in]
  LoraAdapter* adapter() const { return adapter_; }
  // Adds an adapter; the caller refreshes the model's names.
  void attach(const LoraAdapter::Options& options);
  // The weight with the adapter folded in: W + delta, in the weight's layout.
  Tensor merged_weight() const;

 private:
  // A matrix [out, in] in the weight's layout, and back: the layouts are each other's transpose.
  Tensor in_layout(const Tensor& matrix) const;

  WeightLayout layout_;
  ParameterPtr weight_, bias_;
  LoraAdapter* adapter_ = nullptr;
};

}  // namespace thaw
