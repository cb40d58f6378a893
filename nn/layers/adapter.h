// Adapters: small trainable parts at a frozen Linear, which begin by changing nothing, bit for bit.
#pragma once

#include <string>
#include <variant>

#include "nn/layers/activation.h"
#include "nn/layers/dropout.h"
#include "nn/module.h"

namespace thaw {

// LoRA (Hu et al. 2021, eq. 3) and, with `dora`, DoRA (Liu et al. 2024, eq. 5). Named as in PEFT.
struct LoraOptions {
  std::int64_t r = 8;
  double alpha = 8;
  double dropout = 0;   // of the adapter's input
  bool rslora = false;  // scale by alpha / sqrt(r) (Kalajdzievski 2023) instead of alpha / r
  bool dora = false;
  double scale() const;
};

// A bottleneck (Houlsby et al. 2019): h + up(activation(down(h))).
struct BottleneckOptions {
  std::int64_t size = 64;
  std::string activation = "gelu";
  bool operator==(const BottleneckOptions& other) const = default;
};

using AdapterOptions = std::variant<LoraOptions, BottleneckOptions>;

class Adapter : public Module {
 public:
  // x [.., in] and the Linear's own output y [.., out] -> the adapted output [.., out].
  virtual Tensor forward(const Tensor& x, const Tensor& y, const Linear& layer) = 0;
};

// LoRA: y = x W'^T + b with W' = W + s B A. B starts at zero.
// DoRA: W' = m (W + s B A) / n, where n holds the norms of the rows of W + s B A (one for each output) and m
// starts as those of W. As in PEFT, n is a constant to backward, the output is y + (m/n - 1)(y - b) +
// m/n s B A x, and where dropout is live y - b is made anew from the dropped x. A row of zeros stays zero.
class LoraAdapter : public Adapter {
 public:
  // weight [out, in], the frozen W.
  LoraAdapter(const Tensor& weight, const LoraOptions& options, const std::string& path);
  Tensor forward(const Tensor& x, const Tensor& y, const Linear& layer) override;

  Tensor delta() const;                       // s B A, [out, in]
  Tensor norm(const Tensor& weight) const;    // n, [out, 1]; undefined for LoRA
  Tensor merged(const Tensor& weight) const;  // W -> W'
  // W' -> W, within rounding. `norm`: what norm(W) was, for W' does not tell it.
  Tensor unmerged(const Tensor& merged, const Tensor& norm) const;
  // DoRA: m becomes n, so that the magnitudes are those of `weight` again.
  void reset_magnitude(const Tensor& weight);

  const LoraOptions& options() const { return options_; }
  const ParameterPtr& a() const { return a_; }                  // lora_A.weight [r, in]
  const ParameterPtr& b() const { return b_; }                  // lora_B.weight [out, r]
  const ParameterPtr& magnitude() const { return magnitude_; }  // lora_magnitude_vector [out]; LoRA: null

 private:
  LoraOptions options_;
  ParameterPtr a_, b_, magnitude_;
  Dropout& dropout_;
};

// Stands behind the Linear, inside the residual connection. `up` starts at zero. In the paper the layer's
// dropout comes before the adapter; here it comes after.
class BottleneckAdapter : public Adapter {
 public:
  // On a layer with `out` outputs, whose dotted name is `path`.
  BottleneckAdapter(std::int64_t out, const BottleneckOptions& options, const std::string& path);
  Tensor forward(const Tensor& x, const Tensor& y, const Linear& layer) override;
  const BottleneckOptions& options() const { return options_; }

 private:
  BottleneckOptions options_;
  Activation activation_;
  ParameterPtr down_, down_bias_, up_, up_bias_;  // adapter.down.weight [size, out], adapter.up.weight
};

}  // namespace thaw
