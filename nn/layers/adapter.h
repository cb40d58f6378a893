// Adapters: small trainable parts at a frozen Linear. An adapted layer starts with the same output, bit for
// bit.
#pragma once

#include <string>
#include <variant>

#include "nn/init.h"
#include "nn/layers/activation.h"
#include "nn/layers/dropout.h"
#include "nn/module.h"

namespace thaw {

// Options of LoRA (Hu et al. 2021, eq. 3) and, with `dora`, of DoRA (Liu et al. 2024, eq. 5), named as in
// PEFT. The scale s is
//   alpha / r
// or, with `rslora` (Kalajdzievski 2023),
//   alpha / sqrt(r)
struct LoraOptions {
  std::int64_t r = 8;
  double alpha = 8;
  double dropout = 0;  // of the adapter's input
  bool rslora = false;
  bool dora = false;
  double scale() const;
};

// A bottleneck of `size` units (Houlsby et al. 2019):
//   y' = y + up(activation(down(y)))
struct BottleneckOptions {
  std::int64_t size = 64;
  std::string activation = "gelu";
  bool operator==(const BottleneckOptions& other) const = default;
};

using AdapterOptions = std::variant<LoraOptions, BottleneckOptions>;

class Adapter : public Module {
 public:
  // From x [.., in] and the Linear's output y [.., out] to the adapted output [.., out].
  virtual Tensor forward(const Tensor& x, const Tensor& y, const Linear& layer) = 0;
};

// Low-rank adapters A [r, in] and B [out, r], with scale s and B = 0 at the start.
//
// LoRA:
//   W' = W + s B A
//   y' = x W'^T + b
//
// DoRA, with n the norms of the rows of W + s B A (one per output), and m those of W at the start:
//   W' = (m / n) (W + s B A)
//   y' = y + (m / n - 1) (y - b) + (m / n) s x (B A)^T
//
// As in PEFT, n is a constant in backward, and with dropout y - b is computed again from the dropped x. A row
// of zeros stays zero.
class LoraAdapter : public Adapter {
 public:
  // weight [out, in], the frozen W. Its parameters are named as if they were the layer's, which `init` is of.
  LoraAdapter(const Tensor& weight, const LoraOptions& options, const Init& init);
  Tensor forward(const Tensor& x, const Tensor& y, const Linear& layer) override;

  Tensor delta() const;                       // s B A, [out, in]
  Tensor norm(const Tensor& weight) const;    // n, [out, 1]; undefined for LoRA
  Tensor merged(const Tensor& weight) const;  // W -> W'
  // W' -> W, up to rounding. `norm` is norm(W), which cannot be computed from W'.
  Tensor unmerged(const Tensor& merged, const Tensor& norm) const;
  // DoRA: sets m to n, so that the magnitudes are those of `weight` again.
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

// Follows the Linear, inside the residual connection. `up` starts at zero. In the paper the layer's dropout
// comes before the adapter; here it comes after.
class BottleneckAdapter : public Adapter {
 public:
  // For a layer with `out` outputs.
  BottleneckAdapter(std::int64_t out, const BottleneckOptions& options, const Init& init);
  Tensor forward(const Tensor& x, const Tensor& y, const Linear& layer) override;
  const BottleneckOptions& options() const { return options_; }

 private:
  BottleneckOptions options_;
  Activation activation_;
  ParameterPtr down_, down_bias_, up_, up_bias_;  // adapter.down.weight [size, out], adapter.up.weight
};

}  // namespace thaw
