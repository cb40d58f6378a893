// What all optimizers share, and what freezing schedules need: which parameters are updated, the lifetime of
// the state, and clipping.
//
// An optimizer is made once with every parameter of the model, frozen or not, and identifies them by address.
// A step updates only the active ones, those with requires_grad set and a gradient. So a frozen parameter
// neither decays nor has state, and one that thaws later starts with its own state: its bias correction
// counts its own updates.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "nn/parameter.h"

namespace thaw {

// What happens to the optimizer state of a parameter that freezes or thaws.
enum class StatePolicy : unsigned char {
  keep,  // kept, and used again after a thaw
  drop,  // discarded: after a thaw moments and step count start anew
};

struct OptimizerState {
  std::int64_t steps = 0;  // updates made with this state
  // One per Optimizer::slot_names(), shaped like the parameter; empty before the first step.
  std::vector<Tensor> slots;
};

class Optimizer {
 public:
  explicit Optimizer(std::vector<ParameterPtr> parameters);
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // One update of every active parameter with learning rate lr * parameter.lr_mult.
  void step(double lr);
  void clear_grad();

  const std::vector<ParameterPtr>& parameters() const { return parameters_; }

  // Names of the state tensors, as torch.optim's state_dict has them: "exp_avg", "exp_avg_sq".
  virtual std::vector<const char*> slot_names() const = 0;
  // State of one parameter: for checkpoints and reports. Restoring checks count, shape and dtype of the
  // slots.
  const OptimizerState& state(const Parameter& parameter) const;
  void restore_state(const Parameter& parameter, OptimizerState state);
  void apply_policy(const Parameter& parameter, StatePolicy policy);

 protected:
  // One update of one parameter; state.steps already counts it. The gradient is dense.
  virtual void update(Parameter& parameter, OptimizerState& state, const Tensor& gradient, double lr) = 0;

 private:
  OptimizerState& state_of(const Parameter& parameter);

  std::vector<ParameterPtr> parameters_;
  std::unordered_map<const Parameter*, OptimizerState> states_;
};

// Whether a step would update this parameter.
bool is_active(const Parameter& parameter);

// Euclidean norm of all active gradients together, 0 on the meta device:
//   sqrt(sum_parameters ||g||^2)
double gradient_norm(const std::vector<ParameterPtr>& parameters);

// The factor of torch.nn.utils.clip_grad_norm_:
//   min(max_norm / (norm + 1e-6), 1)
double clip_factor(double norm, double max_norm);

// Scales the active gradients so that their norm is at most max_norm. Returns the norm before.
double clip_gradients(const std::vector<ParameterPtr>& parameters, double max_norm);

}  // namespace thaw
