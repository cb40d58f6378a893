#include "finetune/export/recipe.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/export/pieces.h"
#include "finetune/export/python.h"
#include "finetune/export/python_plan.h"
#include "finetune/export/refusals.h"
#include "finetune/export/script_text.h"
#include "finetune/plan/adapters.h"
#include "finetune/plan/selector.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

bool is_table(const RecipeSource& recipe) { return !recipe.data.train.columns.empty(); }
bool is_text(const RecipeSource& recipe) { return takes_text(recipe.setup.model_config); }
bool is_sound(const RecipeSource& recipe) { return takes_sound(recipe.setup.model_config); }

// ---- files

// From the script's folder; where both have nothing but the root in common, from there.
std::string path_from(const std::string& script, const std::string& path) {
  const fs::path folder = fs::absolute(script).lexically_normal().parent_path();
  const fs::path target = fs::absolute(path).lexically_normal();
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
  if (has_own_lengths(recipe.setup.model_config))
    text += concat("MODEL = ", place_of(files.script, recipe.source.folder->path), "\n");
  text += "# Which rows of the data each update sees: so every run of the script sees what thaw's run saw.\n";
  text += concat("ORDER = HERE / ", py_text(fs::path(files.order).filename().string()), "\n");
  text += concat("START = HERE / ", py_text(fs::path(files.start).filename().string()), "\n");
  return text;
}

// ---- the data and the task

// Each label and the index of its class; several labels may be one class.
std::string classes_constant(const RecipeSource& recipe) {
  const std::vector<std::string>& classes = recipe.data.train.classes;
  const auto& merge = recipe.config.data.merge;
  std::vector<std::pair<std::string, std::string>> index_of;
  for (std::size_t i = 0; i < classes.size(); ++i)
    for (const std::string& label :
         merge.empty() ? std::vector<std::string>{classes[i]} : merge.at(classes[i]))
      index_of.emplace_back(label, std::to_string(i));
  const std::string start = "CLASSES = ";
  return start + py_dict(index_of, start.size()) + "\n";
}

std::string standardizing_constants(const Preprocess& preprocess) {
  std::vector<double> deviation = preprocess.deviation;
  bool has_constant = false;
  for (double& value : deviation) {
    if (value != 0) continue;
    value = INFINITY;
    has_constant = true;
  }
  return concat("MEAN = ", py_numbers(preprocess.mean, 7), "\n",
                has_constant ? "# inf: a column that is the same in every training row becomes 0.\n" : "",
                "DEVIATION = ", py_numbers(deviation, 12), "\n");
}

std::string table_constants(const RecipeSource& recipe) {
  const Config& config = recipe.config;
  const Preprocess& preprocess = recipe.data.preprocess;
  std::string text;
  if (kind_of_file(config.data.train) != ".jsonl")
    text += concat("SEPARATOR = ", py_text(std::string(1, separator_of_table(config, config.data.train))),
                   "\nQUOTING = csv.", config.data.quote == "none" ? "QUOTE_NONE" : "QUOTE_MINIMAL", "\n");
  text += concat("LABEL = ", py_text(preprocess.label_column), "\n");
  if (is_text(recipe))
    return text + concat("TEXT = ", py_text(preprocess.text_column), "\nMAX_LENGTH = ", preprocess.max_length,
                         "  # tokens\nPAD_ID = ",
                         std::max<std::int64_t>(0, recipe.setup.model_config.transformer.pad_id), "\n");
  if (is_sound(recipe))
    return text + concat("AUDIO = ", py_text(preprocess.audio_column),
                         "\nWHOLE_CONTEXT = ", py_bool(preprocess.whole_context), "\n");
  return text + concat("FEATURES = ", py_texts(recipe.data.train.columns, 11), "\n",
                       standardizing_constants(preprocess));
}

std::vector<const char*> data_pieces(const RecipeSource& recipe) {
  const std::string kind = kind_of_file(recipe.config.data.train);
  const char* rows = kind == ".jsonl" ? pieces::jsonl_rows_py() : pieces::csv_rows_py();
  if (is_text(recipe)) return {rows, pieces::text_data_py()};
  if (is_sound(recipe)) return {rows, pieces::sound_data_py()};
  if (is_table(recipe)) return {rows, pieces::table_data_py(), pieces::tensor_batch_py()};
  return {kind == "builtin" ? pieces::digits_data_py() : pieces::idx_data_py(), pieces::tensor_batch_py()};
}

ScriptSection data_section(const RecipeSource& recipe) {
  const bool has_columns = is_table(recipe) || has_own_lengths(recipe.setup.model_config);
  ScriptSection section{"the data", has_columns ? table_constants(recipe) : "", data_pieces(recipe)};
  section.pieces.push_back(pieces::check_data_py());
  return section;
}

ScriptSection task_section(const RecipeSource& recipe) {
  const std::string heading = "the task";
  switch (recipe.data.task->targets()) {
    case Targets::transcripts:
      return {
          heading,
          concat(
              "# The blank of CTC, the space, and the characters that the transcripts have.\nCHARACTERS = ",
              py_texts(recipe.data.train.classes, 13), "\n"),
          {pieces::transcription_py()}};
    case Targets::numbers:
      return {heading, "", {pieces::regression_py()}};
    case Targets::classes:
    case Targets::none:
      break;
  }
  return {heading,
          concat(classes_constant(recipe),
                 "LABEL_SMOOTHING = ", py_number(recipe.config.train.label_smoothing), "\n"),
          {pieces::classification_py()}};
}

// ---- the model

std::string activation_of(const std::string& name) {
  if (name == "gelu") return "torch.nn.functional.gelu";
  return name == "silu" || name == "swish" ? "torch.nn.functional.silu" : "torch." + name;
}

ScriptSection mlp(const ModelConfig& model) {
  std::int64_t inputs = 1;
  for (const std::int64_t size : model.sample_shape) inputs *= size;
  std::vector<std::string> hidden;
  for (const std::int64_t size : model.hidden) hidden.push_back(std::to_string(size));
  return {"",
          concat("INPUTS = ", inputs, "\nHIDDEN = ", py_list(hidden), "\nACTIVATION = ",
                 activation_of(model.activation), "\nDROPOUT = ", py_number(model.dropout), "\n"),
          {pieces::mlp_py()}};
}

ScriptSection cnn(const ModelConfig& model) {
  return {"",
          concat("CHANNELS = ", model.sample_shape[0], "\nWIDTH = ", model.width, "\nDEPTH = ", model.depth,
                 "\nDROPOUT = ", py_number(model.dropout), "\n"),
          {pieces::cnn_py()}};
}

ScriptSection transformer(const ModelConfig& model) {
  const TransformerConfig& t = model.transformer;
  const std::string dropout = concat("HIDDEN_DROPOUT = ", py_number(t.hidden_dropout),
                                     "\nATTENTION_DROPOUT = ", py_number(t.attention_dropout), "\n");
  if (model.architecture == "whisper") return {"", dropout, {pieces::whisper_py()}};
  const char* pooling = t.pooling == "mean"  ? pieces::mean_pooling_py()
                        : t.pooling == "cls" ? pieces::cls_pooling_py()
                                             : pieces::pooler_pooling_py();
  return {"",
          concat(dropout, "CLASSIFIER_DROPOUT = ", py_number(t.classifier_dropout), "\n"),
          {pooling, pieces::bert_py()}};
}

std::string lora_constants(const RecipeSource& recipe) {
  const AdapterSpec& adapters = *recipe.setup.strategy.adapters;
  const auto& lora = std::get<LoraOptions>(adapters.layer);
  const std::string targets = "TARGET_MODULES = ";
  return concat("R = ", lora.r, "\nALPHA = ", py_number(lora.alpha), "\nUSE_RSLORA = ", py_bool(lora.rslora),
                "\nLORA_DROPOUT = ", py_number(lora.dropout), "\n", targets,
                py_texts(target_names(recipe.model, adapters), targets.size()), "\n");
}

ScriptSection model_section(const RecipeSource& recipe) {
  const ModelConfig& model = recipe.setup.model_config;
  ScriptSection section = model.architecture == "mlp"   ? mlp(model)
                          : model.architecture == "cnn" ? cnn(model)
                                                        : transformer(model);
  section.heading = "the model";
  section.constants += concat("OUTPUTS = ", model.outputs, "\n");
  if (recipe.setup.strategy.adapters) {
    section.constants += lora_constants(recipe);
    section.pieces.push_back(pieces::lora_py());
  } else {
    section.pieces.push_back(pieces::start_py());
    section.pieces.push_back(pieces::weights_py());
  }
  return section;
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

bool has_dropout(const ModelConfig& model, const Strategy& strategy) {
  const TransformerConfig& t = model.transformer;
  const bool of_adapters = strategy.adapters && std::get<LoraOptions>(strategy.adapters->layer).dropout > 0;
  return of_adapters ||
         (has_own_lengths(model) ? t.hidden_dropout + t.attention_dropout + t.classifier_dropout > 0
                                 : model.dropout > 0);
}

std::string needed_packages(const RecipeSource& recipe) {
  std::vector<std::string> packages = {"torch", "safetensors"};
  if (has_own_lengths(recipe.setup.model_config)) packages.push_back("transformers");
  if (is_sound(recipe)) packages.insert(packages.end(), {"soundfile", "scipy"});
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
  if (has_dropout(recipe.setup.model_config, recipe.setup.strategy))
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
