// Checks of a config's values that concern each other; each value's own rule stands with its key.
#pragma once

#include <string>
#include <vector>

#include "finetune/config/config.h"

namespace thaw {

// InputError naming the keys.
void check_together(const Config& config);

// The strategies that compare.predict names and compare.strategies does not.
std::vector<std::string> predicted_but_not_compared(const CompareSection& compare);

}  // namespace thaw
