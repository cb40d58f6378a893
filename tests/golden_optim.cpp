// SGD and AdamW against torch.optim over 100 updates with a learning rate that changes, and with a parameter
// that has no gradient for a while in the middle, as while it is frozen. The numbers come from
// golden/make_golden.py.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "core/ops.h"
#include "nn/optim/adamw.h"
#include "nn/optim/optimizer.h"
#include "nn/optim/sgd.h"
#include "tests/golden/golden.h"

namespace thaw::test {
namespace {

constexpr int kSteps = 100;
constexpr int kPauseBegin = 30, kPauseEnd = 50;  // updates in which `b` is frozen

using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(std::vector<ParameterPtr>)>;

MakeOptimizer sgd(SgdOptions options) {
  return [options](std::vector<ParameterPtr> parameters) -> std::unique_ptr<Optimizer> {
    return std::make_unique<Sgd>(std::move(parameters), options);
  };
}

MakeOptimizer adamw(AdamWOptions options) {
  return [options](std::vector<ParameterPtr> parameters) -> std::unique_ptr<Optimizer> {
    return std::make_unique<AdamW>(std::move(parameters), options);
  };
}

struct OptimizerCase {
  const char* name;
  MakeOptimizer make;
};

const OptimizerCase kCases[] = {
    {"sgd", sgd({})},
    {"sgd_decay", sgd({.weight_decay = 0.05})},
    {"sgd_momentum", sgd({.momentum = 0.9})},
    {"sgd_momentum_decay", sgd({.momentum = 0.9, .weight_decay = 0.05})},
    {"sgd_dampening", sgd({.momentum = 0.9, .dampening = 0.3, .weight_decay = 0.05})},
    {"sgd_nesterov", sgd({.momentum = 0.9, .nesterov = true})},
    {"sgd_nesterov_decay", sgd({.momentum = 0.8, .weight_decay = 0.05, .nesterov = true})},
    {"adamw", adamw({})},
    {"adamw_no_decay", adamw({.weight_decay = 0})},
    {"adamw_decay", adamw({.weight_decay = 0.3})},
    {"adamw_betas", adamw({.beta1 = 0.7, .beta2 = 0.95})},
    {"adamw_eps", adamw({.eps = 1e-2})},
    {"adamw_everything", adamw({.beta1 = 0.5, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.1})},
};

ParameterPtr make_parameter(const SafetensorsFile& file, const std::string& name) {
  auto parameter = std::make_shared<Parameter>();
  parameter->name = name;
  parameter->tensor = file.load("start." + name);
  parameter->set_requires_grad(true);
  return parameter;
}

void replay(const OptimizerCase& one, const SafetensorsFile& file) {
  SCOPED_TRACE(one.name);
  const std::vector<ParameterPtr> parameters{make_parameter(file, "a"), make_parameter(file, "b")};
  const std::vector<Tensor> gradients{file.load("gradients.a"), file.load("gradients.b")};
  const std::unique_ptr<Optimizer> optimizer = one.make(parameters);
  for (int k = 0; k < kSteps; ++k) {
    parameters[1]->set_requires_grad(k < kPauseBegin || k >= kPauseEnd);
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i]->requires_grad()) parameters[i]->tensor.set_grad(select(gradients[i], 0, k).clone());
    optimizer->step(0.01 * (1 + 0.5 * std::sin(k)));
    optimizer->clear_grad();
  }
  const std::vector<const char*> slots = optimizer->slot_names();
  for (const ParameterPtr& parameter : parameters) {
    const std::string prefix = std::string(one.name) + ".";
    EXPECT_TRUE(all_close(parameter->tensor, file.load(prefix + "w." + parameter->name), 1e-6, 1e-6))
        << parameter->name;
    const OptimizerState& state = optimizer->state(*parameter);
    for (std::size_t s = 0; s < state.slots.size(); ++s)
      EXPECT_TRUE(all_close(state.slots[s], file.load(prefix + slots[s] + "." + parameter->name), 1e-5, 1e-6))
          << slots[s] << " of " << parameter->name;
  }
}

TEST(Optimizers, EqualPyTorchOverAHundredUpdates) {
  const SafetensorsFile file = open_golden("optim.safetensors");
  for (const OptimizerCase& one : kCases) replay(one, file);
}

}  // namespace
}  // namespace thaw::test
