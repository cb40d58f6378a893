#include "nn/optim/optimizer.h"

#include <cmath>
#include <utility>

#include "core/autograd.h"
#include "core/trace.h"
#include "kernels/kernels.h"

namespace thaw {
namespace {

void set_category(const OptimizerState& state, memory::Category category) {
  for (const Tensor& slot : state.slots) slot.storage().set_category(category);
}

template <class States>
auto& find_state(States& states, const Parameter& parameter) {
  const auto found = states.find(&parameter);
  if (found == states.end())
    fail("[optimizer] parameter '", parameter.name,
         "' is not one of this optimizer's; make the optimizer with all parameters of the model");
  return found->second;
}

}  // namespace

bool is_active(const Parameter& parameter) {
  return parameter.requires_grad() && parameter.tensor.grad().defined();
}

Optimizer::Optimizer(std::vector<ParameterPtr> parameters) : parameters_(std::move(parameters)) {
  for (const ParameterPtr& parameter : parameters_) {
    if (!states_.try_emplace(parameter.get()).second)
      fail("[optimizer] parameter '", parameter->name, "' is given twice; pass each once");
  }
}

void Optimizer::step(double lr) {
  const NoGrad no_grad;
  const TraceScope trace(Section::optimizer);
  const CategoryScope category(memory::Category::optimizer);
  for (const ParameterPtr& parameter : parameters_) {
    if (!is_active(*parameter)) continue;
    // Only an observer needs to know whose cost it is, and a scope's number takes a lock.
    const TraceScope owner(kernel_observer != nullptr ? scope_id(parameter->name) : 0);
    OptimizerState& state = state_of(*parameter);
    ++state.steps;
    update(*parameter, state, parameter->tensor.grad().contiguous(), lr * parameter->lr_mult);
  }
}

void Optimizer::clear_grad() {
  for (const ParameterPtr& parameter : parameters_) parameter->tensor.clear_grad();
}

OptimizerState& Optimizer::state_of(const Parameter& parameter) { return find_state(states_, parameter); }

const OptimizerState& Optimizer::state(const Parameter& parameter) const {
  return find_state(states_, parameter);
}

void Optimizer::restore_state(const Parameter& parameter, OptimizerState state) {
  OptimizerState& mine = state_of(parameter);
  const std::vector<const char*> names = slot_names();
  if (!state.slots.empty() && state.slots.size() != names.size())
    fail("[optimizer] the state of '", parameter.name, "' has ", state.slots.size(),
         " tensors, this optimizer keeps ", names.size(), "; was it saved by another one?");
  for (std::size_t i = 0; i < state.slots.size(); ++i) {
    const Tensor& slot = state.slots[i];
    if (!(slot.shape() == parameter.tensor.shape()) || slot.dtype() != parameter.tensor.dtype())
      fail("[optimizer] ", names[i], " of '", parameter.name, "' is ", dtype_name(slot.dtype()), ' ',
           slot.shape(), ", the parameter is ", dtype_name(parameter.tensor.dtype()), ' ',
           parameter.tensor.shape());
  }
  for (Tensor& slot : state.slots) slot = slot.contiguous();  // as the steps' kernels want it
  set_category(state, memory::Category::optimizer);
  mine = std::move(state);
}

void Optimizer::apply_policy(const Parameter& parameter, StatePolicy policy) {
  OptimizerState& state = state_of(parameter);
  if (policy == StatePolicy::drop) state = {};
}

double gradient_norm(const std::vector<ParameterPtr>& parameters) {
  const NoGrad no_grad;
  const TraceScope trace(Section::optimizer);
  Tensor total;
  for (const ParameterPtr& parameter : parameters) {
    if (!is_active(*parameter)) continue;
    const Tensor gradient = parameter->tensor.grad();
    if (!total.defined()) total = zeros({}, like(gradient, DType::f64));
    kernels::sum_squares(total, gradient);
  }
  if (!total.defined() || total.device().kind == DeviceKind::meta) return 0;
  return std::sqrt(total.item());
}

double clip_factor(double norm, double max_norm) {
  const double factor = max_norm / (norm + 1e-6);
  return factor > 1 ? 1 : factor;  // a NaN stays, as in PyTorch
}

double clip_gradients(const std::vector<ParameterPtr>& parameters, double max_norm) {
  const double norm = gradient_norm(parameters);
  const double factor = clip_factor(norm, max_norm);
  if (factor == 1) return norm;
  const NoGrad no_grad;
  const TraceScope trace(Section::optimizer);
  for (const ParameterPtr& parameter : parameters) {
    if (!is_active(*parameter)) continue;
    Tensor gradient = parameter->tensor.grad();
    kernels::affine(gradient, std::as_const(gradient), factor, 0);
  }
  return norm;
}

}  // namespace thaw
