// What strategies share. The head is always the top group; groups without parameters are passed over.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "finetune/plan/period.h"
#include "finetune/plan/strategy.h"

namespace thaw {

// From the bottom up, those that have parameters.
std::vector<std::string> groups_below_head(const ModelInfo& model);

// A plan of one phase, from the start to the end.
Plan single_phase(const std::string& train, const std::map<std::string, double>& lr_mult = {});

// The multipliers of the groups from `lowest` up, where the head has depth 0 and the group below it 1; empty
// for factor 1:
//   lr_mult = factor^depth
std::map<std::string, double> multipliers_by_depth(const ModelInfo& model, double factor, int lowest);

// One phase per group from the top down. Phase i begins after i intervals of the option `every` ("1 epoch",
// "20 steps", "0.1 run") and trains the head and i groups below it. By the option `lr_decay`, a group at a
// depth has
//   lr_mult = lr_decay^-depth
Plan gradual_plan(const ModelInfo& model, const StrategyOptions& options);

// The option lr_decay: the learning rate is divided by it from each group to the one below.
OptionSpec lr_decay_option(double default_value);
double lr_decay_of(const StrategyOptions& options);
OptionSpec every_option();
// The option `every`, which is no "never".
Period every_of(const StrategyOptions& options);

}  // namespace thaw
