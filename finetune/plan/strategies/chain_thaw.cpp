// chain-thaw (Felbo et al. 2017, DeepMoji): the new head first, then every other group alone from the bottom
// to the top, at last all together. There each phase lasts until validation stops improving; here phases part
// the run evenly, so that its length is known.
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_chain_thaw(const ModelInfo& model, const StrategyOptions&) {
  std::vector<std::string> turns = groups_below_head(model);
  turns.insert(turns.begin(), "top:0");
  turns.emplace_back("all");

  Strategy strategy;
  for (size_t i = 0; i < turns.size(); ++i) {
    Phase phase;
    phase.at.kind = PhaseStart::Kind::fraction;
    phase.at.amount = static_cast<double>(i) / static_cast<double>(turns.size());
    phase.train = turns[i];
    strategy.plan.phases.push_back(phase);
  }
  return strategy;
}

}  // namespace

StrategySpec chain_thaw_strategy() {
  return {
      "chain-thaw", "the head, then each group alone from the bottom, then all", 1.0, {}, make_chain_thaw};
}

}  // namespace thaw
