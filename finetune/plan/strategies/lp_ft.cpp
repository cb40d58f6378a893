// lp-ft: linear probing, then full fine-tuning, so that a fresh head does not distort the features
// (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution").
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_lp_ft(const ModelInfo&, const StrategyOptions& options) {
  Strategy strategy{.plan = single_phase("top:0")};
  Phase full;
  full.at.kind = PhaseStart::Kind::fraction;
  full.at.amount = options.number("fraction", 0, 1);
  full.train = "all";
  full.lr_mult["all"] = options.number("lr_mult", 0, 1e6);
  strategy.plan.phases.push_back(full);
  return strategy;
}

}  // namespace

// A probe wants a higher learning rate than full fine-tuning: the scale is head's, and lr_mult takes it back.
StrategySpec lp_ft_strategy() {
  return {"lp-ft",
          "the head for a part of the run, then everything",
          10.0,
          {{"fraction", 0.5, "part of the run that trains the head alone", {0.25, 0.75}},
           {"lr_mult", 0.1, "learning rate of the second part, relative to the first", {0.03, 0.3}}},
          make_lp_ft};
}

}  // namespace thaw
