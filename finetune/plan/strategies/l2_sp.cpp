// l2-sp: everything trains, held near the pretrained weights by a quadratic penalty; the head, which is new,
// is held near zero (Li et al. 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional
// Networks"). The penalty is
//   alpha / 2 * ||w - w_start||^2   below the head
//   beta / 2 * ||w||^2              over the head
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_l2_sp(const ModelInfo&, const StrategyOptions& options) {
  return {.plan = single_phase("all"),
          .l2_sp = L2SpSpec{options.number("alpha", 0, 1e6), options.number("beta", 0, 1e6)}};
}

}  // namespace

StrategySpec l2_sp_strategy() {
  return {"l2-sp",
          "train everything with a penalty on leaving the pretrained weights",
          1.0,
          {{"alpha", 0.01, "penalty alpha / 2 * |w - w_start|^2 below the head", {0.001, 0.1}},
           {"beta", 0.01, "penalty beta / 2 * |w|^2 of the head"}},
          make_l2_sp};
}

}  // namespace thaw
