// gradual: gradual unfreezing, one group more at a time from the top (Howard and Ruder 2018, ULMFiT).
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_gradual(const ModelInfo& model, const StrategyOptions& options) {
  return {.plan = gradual_plan(model, options)};
}

}  // namespace

StrategySpec gradual_strategy() {
  return {"gradual",
          "thaw one group at a time from the top",
          1.0,
          {every_option(), lr_decay_option(1.0)},
          make_gradual};
}

}  // namespace thaw
