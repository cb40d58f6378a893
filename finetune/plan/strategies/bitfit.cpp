// bitfit: the biases (those of norms too) and the head train (Ben Zaken et al. 2022, BitFit).
#include <algorithm>

#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_bitfit(const ModelInfo& model, const StrategyOptions&) {
  Strategy strategy{.plan = single_phase("kind:bias,top:0")};
  const auto is_bias_below_head = [&](const ParameterInfo& parameter) {
    return parameter.is_bias && parameter.group < model.head();
  };
  if (std::none_of(model.parameters.begin(), model.parameters.end(), is_bias_below_head)) {
    strategy.warnings.push_back("bitfit is the same as head: the model has no bias below the head");
  }
  return strategy;
}

}  // namespace

StrategySpec bitfit_strategy() { return {"bitfit", "train the biases and the head", 10.0, {}, make_bitfit}; }

}  // namespace thaw
