// Stochastic gradient descent, as in torch.optim.
#pragma once

#include <vector>

#include "nn/optim/optimizer.h"

namespace thaw {

struct SgdOptions {
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;  // needs momentum > 0 and dampening 0
};

// torch.optim.SGD for a gradient g. Without momentum:
//   d = g + weight_decay * w
//   w = w - lr * d
// With momentum, where the first update sets m = d:
//   m = momentum * m + (1 - dampening) * d
//   w = w - lr * m
// Nesterov's variant:
//   w = w - lr * (d + momentum * m)
class Sgd final : public Optimizer {
 public:
  Sgd(std::vector<ParameterPtr> parameters, SgdOptions options);
  std::vector<const char*> slot_names() const override;

 private:
  void update(Parameter& parameter, OptimizerState& state, const Tensor& gradient, double lr) override;
  SgdOptions options_;
};

}  // namespace thaw
