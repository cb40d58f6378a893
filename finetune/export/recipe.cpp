#include "finetune/export/recipe.h"

#include <filesystem>
#include <vector>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/pictures.h"
#include "finetune/export/pieces.h"
#include "finetune/export/python.h"
#include "finetune/export/python_plan.h"
#include "finetune/export/recipe_data.h"
#include "finetune/export/recipe_model.h"
#include "finetune/export/refusals.h"
#include "finetune/export/script_text.h"
#include "finetune/plan/selector.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

// ---- files

// From the script's folder; where both have nothing but the root in common, from there.
std::string path_from(const std::string& script, const std::string& path) {
  // As Python resolves its own place: without links.
  const fs::path folder = fs::weakly_canonical(fs::absolute(script)).parent_path();
  const fs::path target = fs::weakly_canonical(fs::absolute(path));
  const auto below_root = [](const fs::path& whole) { return *whole.relative_path().begin(); };
  const bool share_nothing = folder.relative_path().empty() || below_root(folder) != below_root(target);
  return share_nothing ? target.string() : target.lexically_relative(folder).string();
}

std::string place_of(const std::string& script, const std::string& path) {
  const std::string from_here = path_from(script, path);
  return fs::path(from_here).is_absolute() ? concat("pathlib.Path(", py_text(from_here), ")")
                                           : "HERE / " + py_text(from_here);
}

std::string data_place(const RecipeFiles& files, const std::string& path) {
  return kind_of_file(path) == "builtin" ? py_text(path) : place_of(files.script, path);
}

std::string file_constants(const RecipeSource& recipe, const RecipeFiles& files) {
  const DataSection& data = recipe.config.data;
  std::string text = "HERE = pathlib.Path(__file__).resolve().parent\n";
  text += concat("TRAIN = ", data_place(files, data.train), "\n");
  const bool has_validation = recipe.data.validation->size() > 0;
  text +=
      concat("EVALUATED = ", has_validation ? R"("validation")" : R"("train"  # there are no others)", "\n");
  text += concat("EVALUATED_DATA = ", data.validation.empty() ? "TRAIN" : data_place(files, data.validation),
                 "\n");
  if (is_read_from_folder(recipe.setup.model_config))
    text += concat("MODEL = ", place_of(files.script, recipe.source.folder->path), "\n");
  text += "# Which rows of the data each update sees: so every run of the script sees what thaw's run saw.\n";
  text += concat("ORDER = HERE / ", py_text(fs::path(files.order).filename().string()), "\n");
  text += concat("START = HERE / ", py_text(fs::path(files.start).filename().string()), "\n");
  return text;
}

// ---- what trains when, at which rate

ScriptSection plan_section(const RecipeSource& recipe) {
  const std::string about =
      "# What a plan freezes and thaws, from the bottom, where the input goes in, to the top.\n";
  return {"the plan",
          about + python_groups(recipe.model) + "\n" + python_phases(recipe.model, recipe.setup.plan),
          {}};
}

std::string optimizer_constants(const TrainSection& train) {
  if (train.optimizer == OptimizerKind::adamw)
    return concat("BETAS = (", py_number(train.beta1), ", ", py_number(train.beta2),
                  ")\nEPS = ", py_number(train.eps), "\n");
  return concat("MOMENTUM = ", py_number(train.momentum), "\nDAMPENING = ", py_number(train.dampening),
                "\nNESTEROV = ", py_bool(train.nesterov), "\n");
}

std::string no_decay_constant(const RecipeSource& recipe) {
  const std::string& selector = recipe.config.train.no_decay;
  if (selector.empty()) return "NO_DECAY = []";
  return python_selection(recipe.model,
                          select_parameters(selector, recipe.setup.plan.model(), "train.no_decay"));
}

const char* curve_piece(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::linear:
      return pieces::linear_py();
    case ScheduleKind::cosine:
      return pieces::cosine_py();
    case ScheduleKind::one_cycle:
      return pieces::one_cycle_py();
    case ScheduleKind::slanted_triangular:
      return pieces::slanted_triangular_py();
    case ScheduleKind::constant:
      break;
  }
  return pieces::constant_py();
}

bool warms_up_again(const ResolvedPlan& plan) {
  for (const ResolvedPhase& phase : plan.phases())
    if (phase.rewarmup > 0) return true;
  return false;
}

ScriptSection optimizer_section(const RecipeSource& recipe) {
  const TrainSection& train = recipe.config.train;
  const RunLength& run = recipe.setup.plan.run();
  const Schedule& schedule = recipe.setup.schedule;
  return {"the optimizer and its rates",
          concat("LR = ", py_number(train.lr), "\n", optimizer_constants(train),
                 "WEIGHT_DECAY = ", py_number(train.weight_decay), "\n", no_decay_constant(recipe),
                 "  # parameters without weight decay, as a phase names them\nUPDATES = ", run.total_updates,
                 "\nUPDATES_PER_EPOCH = ", run.updates_per_epoch, "\nWARMUP = ", schedule.warmup_steps,
                 "  # updates in which the rate rises from 0\n"),
          {pieces::optimizer_entries_py(),
           train.optimizer == OptimizerKind::adamw ? pieces::adamw_py() : pieces::sgd_py(),
           pieces::schedule_py(), curve_piece(schedule.kind),
           warms_up_again(recipe.setup.plan) ? pieces::rewarmed_rates_py() : pieces::rates_py()}};
}

// ---- the script

bool draws_dropout(const RecipeSource& recipe) {
  const auto& adapters = recipe.setup.strategy.adapters;
  return has_dropout(recipe.setup.model_config) ||
         (adapters && std::get<LoraOptions>(adapters->layer).dropout > 0);
}

std::string needed_packages(const RecipeSource& recipe) {
  std::vector<std::string> packages = {"torch", "safetensors"};
  const ModelConfig& model = recipe.setup.model_config;
  if (is_read_from_folder(model)) packages.push_back("transformers");
  if (takes_sound(model)) packages.insert(packages.end(), {"soundfile", "scipy"});
  if (find_pictures(recipe.data.train) != nullptr) packages.insert(packages.end(), {"pillow", "numpy"});
  if (recipe.setup.strategy.adapters) packages.push_back("peft");
  if (kind_of_file(recipe.config.data.train) == "builtin") packages.push_back("scikit-learn");
  return joined(packages);
}

std::string head_of_script(const RecipeSource& recipe, const RecipeFiles& files) {
  const std::string script = fs::path(files.script).filename().string();
  std::string text = concat("Fine-tuning by the strategy ", recipe.config.strategy.name, ", in PyTorch.\n\n",
                            "    python ", script, " [--losses FILE.csv] [--weights FILE.safetensors]\n\n",
                            "Made by `", recipe.command, "`: the same samples in the\n",
                            "same order, from the same weights, by the same plan as `thaw train`.\n",
                            "It needs ", needed_packages(recipe), ".\n\n");
  text +=
      "What trains when is PLAN. begin_phase() and set_modes() are the technique, set_rates() its learning\n"
      "rates, train() the loop around them. Comments say what usually goes wrong there.\n";
  if (draws_dropout(recipe))
    text += "\nDropout draws other numbers than thaw does: losses are alike, not the same.\n";
  return text;
}

}  // namespace

RecipeFiles files_of_recipe(const std::string& script) {
  const fs::path path = script;
  if (path.extension() != ".py")
    fail_input("the script's name does not end in .py (--out ", script, "); call it recipe.py, for example");
  const std::string stem = (path.parent_path() / path.stem()).string();
  return {script, stem + ".order.json", stem + ".start.safetensors"};
}

std::string recipe_script(const RecipeSource& recipe, const RecipeFiles& files) {
  const TrainSection& train = recipe.config.train;
  const std::vector<ScriptSection> sections = {
      {"files", file_constants(recipe, files), {}},
      {"a phase", "", {pieces::phase_py()}},
      plan_section(recipe),
      data_section(recipe),
      task_section(recipe),
      model_section(recipe),
      {"the technique: what trains in a phase", "", {pieces::freezing_py()}},
      optimizer_section(recipe),
      {"training",
       concat("CLIP_NORM = ", py_number(train.clip_norm), "  # 0: off\nSEED = ", train.seed, "\n"),
       {pieces::training_py(), pieces::main_py()}},
  };
  return script_text(head_of_script(recipe, files), sections);
}

}  // namespace thaw
