// ulmfit: gradual unfreezing, discriminative learning rates and a slanted triangular schedule together
// (Howard and Ruder 2018, "Universal Language Model Fine-tuning for Text Classification").
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_ulmfit(const ModelInfo& model, const StrategyOptions& options) {
  return {.plan = gradual_plan(model, options), .schedule = ScheduleKind::slanted_triangular};
}

}  // namespace

StrategySpec ulmfit_strategy() {
  return {"ulmfit",
          "gradual + discriminative + a slanted triangular schedule",
          2.0,
          {every_option(), lr_decay_option(2.6)},
          make_ulmfit};
}

}  // namespace thaw
