#include "nn/optim/sgd.h"

#include <utility>

#include "kernels/kernels.h"

namespace thaw {

Sgd::Sgd(std::vector<ParameterPtr> parameters, SgdOptions options)
    : Optimizer(std::move(parameters)), options_(options) {
  if (options.momentum < 0) fail("[sgd] momentum is ", options.momentum, ", it must be at least 0");
  if (options.weight_decay < 0)
    fail("[sgd] weight_decay is ", options.weight_decay, ", it must be at least 0");
  if (options.nesterov && (options.momentum == 0 || options.dampening != 0))
    fail("[sgd] nesterov needs momentum > 0 and dampening 0, not ", options.momentum, " and ",
         options.dampening);
}

std::vector<const char*> Sgd::slot_names() const {
  return options_.momentum == 0 ? std::vector<const char*>{} : std::vector<const char*>{"momentum_buffer"};
}

void Sgd::update(Parameter& parameter, OptimizerState& state, const Tensor& gradient, double lr) {
  const bool has_momentum = options_.momentum != 0;
  const bool first = state.slots.empty();
  if (has_momentum && first) state.slots = {zeros(gradient.shape(), like(gradient))};
  Tensor momentum = has_momentum ? state.slots[0] : Tensor();
  kernels::sgd_step(parameter.tensor, momentum, gradient,
                    SgdParams{.lr = lr,
                              .momentum = options_.momentum,
                              .dampening = options_.dampening,
                              .weight_decay = parameter.weight_decay ? options_.weight_decay : 0,
                              .nesterov = options_.nesterov,
                              .first = first});
}

}  // namespace thaw
