// How sound files become what a model hears: the column that names them, and the features of preprocessor_config.json.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/sounds.h"
#include "nn/models/registry.h"

namespace thaw {

struct SoundInput {
  std::string column;
  std::shared_ptr<const Hearing> hearing;
};

// As the folder's preprocessor_config.json says; what it does not say, or without the file, is as in transformers'
// WhisperFeatureExtractor. InputError naming file and key for what is malformed, or no features of the model's.
LogMelOptions read_log_mel(const std::string& folder, const ModelConfig& model);

// Gives each part, which has sounds or nothing, a copy of its inputs as the model hears them. InputError for a sound that
// is longer than the model's context.
void hear(const SoundInput& input, const std::vector<Dataset*>& parts);

// "64 minutes of sound", of all parts.
std::string describe_sounds(const std::vector<Dataset*>& parts);

}  // namespace thaw
