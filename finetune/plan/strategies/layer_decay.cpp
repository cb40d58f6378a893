// layer-decay: everything trains, lower groups more slowly (Clark et al. 2020, ELECTRA; Bao et al. 2021,
// BEiT; the default of 0.75 is that of He et al. 2021, MAE). The learning rate of the group d below the head
// is
//   lr * decay^d
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
