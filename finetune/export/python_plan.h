// A resolved plan as an exported script has it: what trains, by names that are as few as possible.
#pragma once

#include <string>
#include <vector>

#include "finetune/plan/plan.h"
#include "nn/module.h"

namespace thaw {

// The name that a parameter has in the script's network: transformers' and, in adapters, PEFT's.
std::string name_in_script(const Model& model, const std::string& name);

// GROUPS: from bottom to top, each with its modules.
std::string python_groups(const Model& model);

// PLAN: a Phase for each stretch of the run.
std::string python_phases(const Model& model, const ResolvedPlan& plan);

// NO_DECAY: entries as in a phase's `train`, for the parameters without weight decay.
std::string python_selection(const Model& model, const std::vector<bool>& selected);

}  // namespace thaw
