// What lora and dora share. Options are named as in PEFT.
#pragma once

#include <string>
#include <vector>

#include "finetune/plan/strategy.h"

namespace thaw {

std::vector<OptionSpec> low_rank_options();
// Adapters on target_modules and the modules to save train, nothing else.
Strategy low_rank_strategy(const ModelInfo& model, const StrategyOptions& options, bool dora);

}  // namespace thaw
