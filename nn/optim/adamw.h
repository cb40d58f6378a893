// Adam with decoupled weight decay, as in torch.optim.
#pragma once

#include <vector>

#include "nn/optim/optimizer.h"

namespace thaw {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
};

// torch.optim.AdamW (Loshchilov & Hutter 2019, algorithm 2, with the decay scaled by lr). In update t of a
// parameter with gradient g:
//   w = w - lr * weight_decay * w
//   m = beta1 * m + (1 - beta1) * g
//   v = beta2 * v + (1 - beta2) * g^2
//   m' = m / (1 - beta1^t)
//   v' = v / (1 - beta2^t)
//   w = w - lr * m' / (sqrt(v') + eps)
class AdamW final : public Optimizer {
 public:
  AdamW(std::vector<ParameterPtr> parameters, AdamWOptions options);
  std::vector<const char*> slot_names() const override;

 private:
  void update(Parameter& parameter, OptimizerState& state, const Tensor& gradient, double lr) override;
  AdamWOptions options_;
};

}  // namespace thaw
