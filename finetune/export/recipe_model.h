// The part of an exported script that makes the network, with the weights that it starts from.
#pragma once

#include "finetune/export/recipe.h"
#include "finetune/export/script_text.h"

namespace thaw {

ScriptSection model_section(const RecipeSource& recipe);

// The architecture is one of transformers' image classifiers, whose class the script takes.
bool is_image_classifier(const ModelConfig& model);
// The script reads the config and the weights of a pretrained one from its folder.
bool is_read_from_folder(const ModelConfig& model);
bool has_dropout(const ModelConfig& model);

}  // namespace thaw
