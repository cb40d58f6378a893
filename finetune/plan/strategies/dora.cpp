// dora: as lora, but of each output's weights the direction is adapted by low rank and the length is trained
// by itself (Liu et al. 2024, "DoRA: Weight-Decomposed Low-Rank Adaptation").
#include "finetune/plan/strategies/low_rank.h"

namespace thaw {
namespace {

Strategy make_dora(const ModelInfo& model, const StrategyOptions& options) {
  return low_rank_strategy(model, options, true);
}

}  // namespace

StrategySpec dora_strategy() {
  return {"dora", "train low-rank adapters, the lengths of the adapted rows, and the head", 10.0,
          low_rank_options(), make_dora};
}

}  // namespace thaw
