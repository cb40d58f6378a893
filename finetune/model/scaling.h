// Where the mean and standard deviation of a run's inputs and targets come from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

// As data.standardize says. `notes`: what the user should know of the choice. InputError where "model" is
// wanted and there are none.
Scaling choose_scaling(const Config& config, const std::optional<Origin>& origin,
                       std::vector<std::string>& notes);

// As data.standardize_target says, in the same way. InputError where targets are no numbers.
Scaling choose_target_scaling(const Config& config, const std::optional<Origin>& origin,
                              std::vector<std::string>& notes);

}  // namespace thaw
