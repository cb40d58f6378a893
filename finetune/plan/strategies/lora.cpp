// lora: low-rank adapters on Linear layers train, and the modules to save; nothing else
// (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models").
#include "finetune/plan/strategies/low_rank.h"

namespace thaw {
namespace {

Strategy make_lora(const ModelInfo& model, const StrategyOptions& options) {
  return low_rank_strategy(model, options, false);
}

}  // namespace

StrategySpec lora_strategy() {
  return {"lora", "train low-rank adapters and the head", 10.0, low_rank_options(), make_lora};
}

}  // namespace thaw
