// The list of strategies. To add one: a file with a function that returns its StrategySpec, the function's
// line below, and its line in registry.cpp's list. (A list, because a linker drops self-registering objects
// of a static library that nothing refers to.)
#pragma once

#include <string>
#include <vector>

#include "finetune/plan/strategy.h"

namespace thaw {

const std::vector<StrategySpec>& strategies();

// By name; "top-2" is top-k with k = 2, "block-2" is block-k. InputError for an unknown name.
const StrategySpec& find_strategy(const std::string& name);

// Options that every strategy takes: frozen_norm, frozen_dropout, state and rewarmup.
const std::vector<OptionSpec>& common_options();

// Its plan is for a run of this length: for another one the strategy is made again.
Strategy make_strategy(const StrategyRequest& request, const ModelInfo& model, const RunLength& run);

// Each in the file of its own name.
StrategySpec full_strategy();
StrategySpec head_strategy();
StrategySpec top_k_strategy();
StrategySpec block_strategy();
StrategySpec gradual_strategy();
StrategySpec discriminative_strategy();
StrategySpec ulmfit_strategy();
StrategySpec chain_thaw_strategy();
StrategySpec lp_ft_strategy();
StrategySpec lisa_strategy();
StrategySpec bitfit_strategy();
StrategySpec norm_only_strategy();
StrategySpec lora_strategy();
StrategySpec dora_strategy();
StrategySpec adapter_strategy();
StrategySpec layer_decay_strategy();
StrategySpec l2_sp_strategy();
StrategySpec plan_strategy();

}  // namespace thaw
