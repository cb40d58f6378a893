// Checks of a config's values that concern each other; each value's own rule stands with its key.
#pragma once

#include "finetune/config/config.h"

namespace thaw {

// InputError naming the keys.
void check_together(const Config& config);

}  // namespace thaw
