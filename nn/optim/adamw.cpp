#include "nn/optim/adamw.h"

#include <cmath>
#include <utility>

#include "kernels/kernels.h"

namespace thaw {
namespace {

void check_beta(const char* name, double beta) {
  if (!(beta >= 0 && beta < 1)) fail("[adamw] ", name, " is ", beta, ", it must be in [0, 1)");
}

}  // namespace

AdamW::AdamW(std::vector<ParameterPtr> parameters, AdamWOptions options)
    : Optimizer(std::move(parameters)), options_(options) {
  check_beta("beta1", options.beta1);
  check_beta("beta2", options.beta2);
  if (options.eps < 0) fail("[adamw] eps is ", options.eps, ", it must be at least 0");
  if (options.weight_decay < 0)
    fail("[adamw] weight_decay is ", options.weight_decay, ", it must be at least 0");
}

std::vector<const char*> AdamW::slot_names() const { return {"exp_avg", "exp_avg_sq"}; }

void AdamW::update(Parameter& parameter, OptimizerState& state, const Tensor& gradient, double lr) {
  if (state.slots.empty())
    state.slots = {zeros(gradient.shape(), like(gradient)), zeros(gradient.shape(), like(gradient))};
  const double t = static_cast<double>(state.steps);
  kernels::adamw_step(parameter.tensor, state.slots[0], state.slots[1], gradient,
                      AdamWParams{.lr = lr,
                                  .beta1 = options_.beta1,
                                  .beta2 = options_.beta2,
                                  .eps = options_.eps,
                                  .weight_decay = parameter.weight_decay ? options_.weight_decay : 0,
                                  .correction1 = 1 - std::pow(options_.beta1, t),
                                  .correction2 = 1 - std::pow(options_.beta2, t)});
}

}  // namespace thaw
