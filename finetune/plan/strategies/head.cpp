// head: the head alone trains, on the features of the frozen rest.
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_head(const ModelInfo&, const StrategyOptions&) { return {.plan = single_phase("top:0")}; }

}  // namespace

StrategySpec head_strategy() { return {"head", "train the head alone", 10.0, {}, make_head}; }

}  // namespace thaw
