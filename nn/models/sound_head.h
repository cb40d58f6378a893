// The heads of models that hear, as transformers' checkpoints have them: a linear layer that says a character of each place
// (CTC), or two that say the class of a sound (ModelConfig::pools_places).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nn/models/registry.h"

namespace thaw {

inline constexpr const char* kCharacterHead = "lm_head";
inline constexpr const char* kProjector = "projector";
inline constexpr const char* kSoundClassifier = "classifier";

// Whether the name of a parameter is of one of these.
bool is_sound_head(const std::string& name);
// Whether it is of one that the model has not.
bool is_other_sound_head(const Model& model, const std::string& name);

// From and to config.json. `classifier`: what the class of the checkpoint is called, or ends with.
void read_sound_head(const nlohmann::json& json, const std::string& path, const char* classifier,
                     ModelConfig& config);
void write_sound_head(const ModelConfig& config, const char* classifier, const char* recogniser,
                      nlohmann::ordered_json& json);

}  // namespace thaw
