// `thaw predict`: what a trained model says of new inputs, a JSON line for each.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/cli/saved_model.h"
#include "finetune/evaluate.h"
#include "finetune/metrics_json.h"

namespace thaw::cli {
namespace {

using Json = nlohmann::ordered_json;

Json numbers(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) json.push_back(json_number(value));
  return json;
}

std::vector<double> softmax_of(const std::vector<double>& logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> probabilities;
  double total = 0;
  for (const double logit : logits) total += probabilities.emplace_back(std::exp(logit - largest));
  for (double& probability : probabilities) probability /= total;
  return probabilities;
}

std::string class_line(const std::vector<double>& logits, const std::vector<std::string>& labels) {
  const auto best = static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  const std::string label = best < labels.size() ? labels[best] : std::to_string(best);
  return Json{{"label", label}, {"logits", numbers(logits)}, {"probabilities", numbers(softmax_of(logits))}}
      .dump();
}

std::string prediction_lines(const Outputs& outputs, std::int64_t samples, const Preprocess& preprocess) {
  std::string lines;
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::vector<double> row(outputs.row(i), outputs.row(i) + outputs.columns);
    lines += preprocess.task == "regression" ? Json{{"value", json_number(row[0])}}.dump()
                                             : class_line(row, preprocess.labels);
    lines += '\n';
  }
  return lines;
}

}  // namespace

int predict(const Arguments& arguments) {
  check_result_file(arguments.output, arguments.input, arguments.model);
  SavedModel saved = load_saved_model(arguments.model, arguments.allow_missing);
  const Preprocess& preprocess = saved.folder.preprocess;
  const Dataset data = read_inputs(saved.folder, arguments.input);
  const Outputs outputs = predict_all(*saved.model, data);
  check_outputs(outputs, arguments.input);
  const std::string lines = prediction_lines(outputs, data.size(), preprocess);
  write_result(arguments.output, lines);
  return 0;
}

}  // namespace thaw::cli
