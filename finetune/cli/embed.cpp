// `thaw embed`: the vector that a text model makes of each text, a JSON line for each.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/cli/saved_model.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/metrics_json.h"
#include "nn/io/json_file.h"

namespace thaw::cli {
namespace {

// To length 1, as sentence-transformers has it; a vector of zeros stays.
void normalize(std::vector<double>& vector) {
  double squares = 0;
  for (const double value : vector) squares += value * value;
  const double length = std::max(std::sqrt(squares), 1e-12);
  for (double& value : vector) value /= length;
}

// sentence-transformers puts the default prompt before each text. InputError where there is one.
void refuse_prompt(const std::string& folder) {
  const std::string path = folder + "/config_sentence_transformers.json";
  if (!std::filesystem::exists(path)) return;
  const nlohmann::json json = read_json(path);
  std::string name, prompt;
  std::map<std::string, std::string> prompts;
  read_optional_field(json, "default_prompt_name", path, name);
  read_optional_field(json, "prompts", path, prompts);
  if (!name.empty() && prompts.contains(name)) prompt = prompts.at(name);
  if (!prompt.empty())
    fail_input("the model puts a prompt before each text, ", in_quotes(prompt), " (", path,
               ", default_prompt_name), which is not in this version; set default_prompt_name to null, and "
               "write the prompt before each text yourself");
}

}  // namespace

int embed(const Arguments& arguments) {
  check_result_file(arguments.output, arguments.input, arguments.model);
  const SavedModel saved = load_saved_model(arguments.model, arguments.allow_missing, false);
  if (!takes_text(saved.folder.config))
    fail_input("embed is for text models, and this one is '", saved.folder.config.architecture, "' (",
               arguments.model, "); give the folder of a text model");
  refuse_prompt(saved.folder.root);
  Progress().message(concat("the pooling is ", in_quotes(saved.folder.config.transformer.pooling), " (",
                            saved.folder.pooling_from, ")"));
  const Dataset data = read_inputs(saved.folder, arguments.input, input_columns(arguments, false));
  const Outputs features = features_all(*saved.model, data);
  check_outputs(features, arguments.input);
  std::string lines;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    std::vector<double> vector(features.row(i), features.row(i) + features.columns);
    if (saved.folder.preprocess.normalize) normalize(vector);
    Json numbers = Json::array();
    for (const double value : vector) numbers.push_back(json_number(value));
    lines += json_line(Json{{"embedding", numbers}}) + '\n';
  }
  write_result(arguments.output, lines);
  return 0;
}

}  // namespace thaw::cli
