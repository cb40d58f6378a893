// The parts of an exported script that read the data, and that say what is asked of the model.
#pragma once

#include "finetune/export/recipe.h"
#include "finetune/export/script_text.h"

namespace thaw {

ScriptSection data_section(const RecipeSource& recipe);
ScriptSection task_section(const RecipeSource& recipe);

}  // namespace thaw
