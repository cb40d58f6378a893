// Parts of a plan as a config writes them.
#pragma once

#include <string>

#include "finetune/plan/plan.h"

namespace thaw {

// The texts of a config. InputError for anything else; parse(to_text(x)) == x.
PhaseStart parse_phase_start(
    const std::string& text);  // "step 200", "epoch 1", "fraction 0.5", "plateau METRIC 2"
StatePolicy parse_state_policy(const std::string& text);
FrozenNorm parse_frozen_norm(const std::string& text);
FrozenDropout parse_frozen_dropout(const std::string& text);
std::string to_text(const PhaseStart& at);
std::string to_text(StatePolicy policy);
std::string to_text(FrozenNorm mode);
std::string to_text(FrozenDropout mode);

}  // namespace thaw
