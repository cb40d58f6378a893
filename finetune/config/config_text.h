// A config as TOML, every key with its value, so that a run folder says what was done without knowing
// defaults; and its keys as help.
#pragma once

#include <string>

#include "finetune/config/config.h"

namespace thaw {

// The resolved config, every default written out; reading it again gives the same Config.
std::string to_toml(const Config& config);

// Every key with its default and what it means, section by section.
std::string explain_config();

}  // namespace thaw
