// The script of `thaw export`: a run as PyTorch, put together from the pieces of pieces.h and the values of the plan.
#pragma once

#include <string>

#include "finetune/train/run_setup.h"

namespace thaw {

// The script and what it reads from its own folder.
struct RecipeFiles {
  std::string script;  // recipe.py
  std::string order;   // recipe.order.json
  std::string start;   // recipe.start.safetensors
};
// InputError where the name does not end in .py.
RecipeFiles files_of_recipe(const std::string& script);

struct RecipeSource {
  const Config& config;
  const ModelSource& source;
  const PreparedData& data;
  const RunSetup& setup;
  Model& model;         // the setup's
  std::string command;  // that writes the script, for its head
};

// The text of the script. check_can_export() has been asked.
std::string recipe_script(const RecipeSource& recipe, const RecipeFiles& files);

}  // namespace thaw
