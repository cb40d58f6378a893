// Which texts a model takes, as its folder and the config say: the column, the tokenizer, the length.
#pragma once

#include <optional>

#include "finetune/config/config.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/text_input.h"

namespace thaw {

// For a model that takes text; nothing for others. The length is preprocess.json's, else
// sentence_bert_config.json's, else the tokenizer's, else the model's last position.
std::optional<TextInput> text_input(const ModelFolder& folder);
// The same, with what the weights of model.init say of it, and what the config does. InputError where
// data.text or model.max_length is set for a model that takes no text, or the length is beyond the model's
// positions.
std::optional<TextInput> text_input(const Config& config, const ModelSource& source);

}  // namespace thaw
