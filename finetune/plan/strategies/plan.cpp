// plan: the phases that the user wrote, as [[strategy.phase]] tables.
#include "core/error.h"
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_plan(const ModelInfo&, const StrategyOptions& options) {
  if (options.phases().empty()) {
    fail_input(
        "strategy \"plan\" has no phases (strategy.phase); write at least one [[strategy.phase]] table");
  }
  Strategy strategy;
  strategy.plan.phases = options.phases();
  return strategy;
}

}  // namespace

StrategySpec plan_strategy() {
  return {"plan", "the phases of the [[strategy.phase]] tables", 1.0, {}, make_plan};
}

}  // namespace thaw
