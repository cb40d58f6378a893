// layer-decay: everything trains, the learning rate falling by a constant factor from each group to the one
// below (Clark et al. 2020, ELECTRA; Bao et al. 2021, BEiT; 0.75 is He et al.'s, 2021, for MAE).
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_layer_decay(const ModelInfo& model, const StrategyOptions& options) {
  return {.plan = single_phase("all", multipliers_by_depth(model, options.number("decay", 1e-3, 1), 0))};
}

}  // namespace

StrategySpec layer_decay_strategy() {
  return {"layer-decay",
          "train everything, the learning rate multiplied by decay from each group to the one below",
          1.5,
          {{"decay", 0.75, "learning rate of a group relative to the one above", {0.5, 0.9}}},
          make_layer_decay};
}

}  // namespace thaw
