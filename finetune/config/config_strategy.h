// Whose the options of [strategy] are.
#pragma once

#include "finetune/config/toml.h"

namespace thaw {

// Takes the options out of [strategy] that belong to the strategy which it names, where `given` names
// another: those that every strategy takes stay, as strategy_request() has it.
void drop_options_of_another(toml::table& root, const toml::table& given);

}  // namespace thaw
