// Which config and data a run is of.
#pragma once

#include <string>

#include "finetune/config/config.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

// SHA-256 of the training and validation data as the model takes them: values or tokens, labels, rows.
std::string hash_of_inputs(const PreparedData& data);

// Identifies (config, data): a checkpoint of another run is refused. Things that do not change results
// (epochs left to run, output) do change it too: the schedule stretches with them.
std::string run_fingerprint(const Config& config, const PreparedData& data);

}  // namespace thaw
