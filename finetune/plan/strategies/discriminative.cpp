// discriminative: everything trains, lower groups more slowly (Howard & Ruder 2018, ULMFiT, where lr_decay is
// 2.6). The learning rate of the group d below the head is
//   lr / lr_decay^d
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_discriminative(const ModelInfo& model, const StrategyOptions& options) {
  return {.plan = single_phase("all", multipliers_by_depth(model, 1.0 / lr_decay_of(options), 0))};
}

}  // namespace

StrategySpec discriminative_strategy() {
  return {"discriminative",
          "train everything, each group at a lower learning rate than the one above",
          2.0,
          {lr_decay_option(2.6)},
          make_discriminative};
}

}  // namespace thaw
