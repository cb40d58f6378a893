// norm-only: the weights and biases of normalisation layers and the head train
// (Frankle et al. 2021, "Training BatchNorm and Only BatchNorm").
#include <algorithm>

#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_norm_only(const ModelInfo& model, const StrategyOptions&) {
  Strategy strategy{.plan = single_phase("kind:norm,top:0")};
  const auto is_norm_below_head = [&](const ParameterInfo& parameter) {
    return parameter.kind == ParameterKind::norm && parameter.group < model.head();
  };
  if (std::none_of(model.parameters.begin(), model.parameters.end(), is_norm_below_head)) {
    strategy.warnings.push_back(
        "norm-only is the same as head: the model has no normalisation below the head");
  }
  return strategy;
}

}  // namespace

StrategySpec norm_only_strategy() {
  return {"norm-only", "train the normalisation layers and the head", 10.0, {}, make_norm_only};
}

}  // namespace thaw
