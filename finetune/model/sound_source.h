// Which sounds a model hears, as its folder and the config say: the column of files, the features, the context.
#pragma once

#include <optional>
#include <string>

#include "finetune/config/config.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/sound_input.h"

namespace thaw {

// The column of files for a model that takes sound; nothing for others.
std::optional<std::string> audio_column(const ModelFolder& folder);
// Whether it recognises with the model's own decoder: as model.decoder says, else as the folder does that a run wrote; else
// by CTC. InputError where it has none.
bool uses_decoder(const ModelSection& section, const ModelFolder& folder);
// With the features.
std::optional<SoundInput> sound_input(const ModelFolder& folder);
// The same, with what the config says of it. InputError where data.audio, model.audio_context or the task is not for the
// model.
std::optional<SoundInput> sound_input(const Config& config, const ModelSource& source);

}  // namespace thaw
