// full: everything trains from the start to the end.
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_full(const ModelInfo&, const StrategyOptions&) { return {.plan = single_phase("all")}; }

}  // namespace

StrategySpec full_strategy() { return {"full", "train everything", 1.0, {}, make_full}; }

}  // namespace thaw
