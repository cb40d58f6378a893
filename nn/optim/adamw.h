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

// torch.optim.AdamW (Loshchilov & Hutter 2019): Adam with decay decoupled from the gradient, w -= lr *
// weight_decay * w.
class AdamW final : public Optimizer {
 public:
  AdamW(std::vector<ParameterPtr> parameters, AdamWOptions options);
  std::vector<const char*> slot_names() const override;

 private:
  void update(Parameter& parameter, OptimizerState& state, const Tensor& gradient, double lr) override;
  AdamWOptions options_;
};

}  // namespace thaw
