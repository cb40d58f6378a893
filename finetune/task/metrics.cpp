#include "finetune/task/metrics.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/task/classification_metrics.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/regression_metrics.h"

namespace thaw {
namespace {

// Of `data`, an empty text where nothing is in the way.
std::string why_undefined(const MetricSpec& spec, const Dataset& data) {
  if (spec.needs == Requires::two_classes) {
    if (data.classes.size() != 2) return concat("there are ", data.classes.size(), " classes, not two");
    const std::vector<std::int64_t> counts = data.class_counts();
    for (std::size_t c = 0; c < counts.size(); ++c)
      if (counts[c] == 0) return concat("no sample has the class ", in_quotes(data.classes[c]));
  }
  if (spec.needs == Requires::varied_targets) {
    const auto [least, most] = std::minmax_element(data.target.begin(), data.target.end());
    if (least == data.target.end() || *least == *most) return "all targets are equal";
  }
  return "";
}

bool is_given(const MetricSpec& spec, const Dataset& data) {
  return spec.regression == data.label.empty() &&
         (spec.needs != Requires::two_classes || data.classes.size() == 2);
}

const MetricSpec* find_by_name(std::string name) {
  const std::string prefix = "validation_";
  if (name.starts_with(prefix)) name.erase(0, prefix.size());
  const auto& list = metric_list();
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& spec) { return name == spec.name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<MetricSpec>& metric_list() {
  constexpr bool kRegression = true, kHigher = true, kRelative = true;
  // name, words, regression, higher is better, relative margin, least, most, range of scores, needs, function
  static const std::vector<MetricSpec> list = {
      {"loss", "loss", !kRegression, !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, log_loss},
      {"accuracy", "accuracy", !kRegression, kHigher, !kRelative, 0, 1, 1, Requires::nothing, accuracy},
      {"macro_f1", "macro F1", !kRegression, kHigher, !kRelative, 0, 1, 0, Requires::nothing, macro_f1},
      {"balanced_accuracy", "balanced accuracy", !kRegression, kHigher, !kRelative, 0, 1, 0,
       Requires::nothing, balanced_accuracy},
      {"auc", "AUC", !kRegression, kHigher, !kRelative, 0, 1, 0, Requires::two_classes, roc_auc},
      {"calibration_error", "calibration error", !kRegression, !kHigher, !kRelative, 0, 1, 0,
       Requires::nothing, calibration_error},
      {"loss", "loss", kRegression, !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, squared_error},
      {"rmse", "rmse", kRegression, !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, rmse},
      {"mae", "mae", kRegression, !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, mae},
      {"r2", "r2", kRegression, kHigher, !kRelative, -INFINITY, 1, 0, Requires::varied_targets, r2},
  };
  return list;
}

std::vector<std::string> metric_names_of(bool regression, const std::string& prefix) {
  std::vector<std::string> names;
  for (const MetricSpec& spec : metric_list())
    if (spec.regression == regression) names.push_back(prefix + spec.name);
  return names;
}

const MetricSpec& metric_spec(const std::string& name, bool regression) {
  const std::string wanted = name == "log_loss" && !regression ? "loss" : name;
  for (const MetricSpec& spec : metric_list())
    if (spec.regression == regression && wanted == spec.name) return spec;
  const std::vector<std::string> known = metric_names_of(regression);
  fail_input("no metric of ", regression ? "regression" : "classification", " is called ", in_quotes(name),
             did_you_mean(name, known), "; write one of ", joined(known));
}

void check_defined(const MetricSpec& spec, const std::string& key, const Dataset& part,
                   const std::string& part_name) {
  if (const std::string why = why_undefined(spec, part); !why.empty())
    fail_input(key, " asks for ", spec.name, ", which ", part_name, " leave undefined: ", why,
               "; choose another metric, or other data");
}

std::string undefined_metrics(const Dataset& data) {
  std::string text;
  for (const MetricSpec& spec : metric_list())
    if (is_given(spec, data))
      if (const std::string why = why_undefined(spec, data); !why.empty())
        text += concat(text.empty() ? "" : "; ", spec.name, " is undefined: ", why);
  return text;
}

std::optional<std::int64_t> first_row_not_finite(const Outputs& outputs) {
  const auto found = std::find_if_not(outputs.values.begin(), outputs.values.end(),
                                      [](float value) { return std::isfinite(value); });
  if (found == outputs.values.end()) return std::nullopt;
  return (found - outputs.values.begin()) / outputs.columns;
}

Metrics compute_metrics(const Outputs& outputs, const Dataset& data) {
  if (data.size() == 0) fail_input("there is nothing to evaluate: the data set is empty");
  // The largest of logits that are NaN is the first, so that they would be answers like others.
  const bool finite = !first_row_not_finite(outputs);
  Metrics metrics;
  for (const MetricSpec& spec : metric_list())
    if (is_given(spec, data))
      metrics.emplace_back(spec.name, finite ? spec.compute(outputs, data).value : NAN);
  return metrics;
}

std::vector<float> example_scores(const Outputs& outputs, const Dataset& data, const std::string& metric) {
  if (first_row_not_finite(outputs)) return std::vector<float>(data.id.size(), NAN);
  const MetricSpec& spec = metric_spec(metric, data.label.empty());
  if (!is_given(spec, data)) check_defined(spec, metric, data, "these data");
  const Scored scored = spec.compute(outputs, data);
  return {scored.scores.begin(), scored.scores.end()};
}

double metric(const Metrics& metrics, const std::string& name) {
  std::string known;
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
    known += (known.empty() ? "" : ", ") + key;
  }
  fail_input("no metric '", name, "'; there are: ", known);
}

bool is_metric(const std::string& name) { return find_by_name(name) != nullptr; }

bool higher_is_better(const std::string& metric) {
  const MetricSpec* spec = find_by_name(metric);
  return spec != nullptr && spec->higher_is_better;
}

double score_range(const std::string& metric) {
  const MetricSpec* spec = find_by_name(metric);
  return spec == nullptr ? 0 : spec->score_range;
}

std::string metric_words(const std::string& metric) {
  if (const MetricSpec* spec = find_by_name(metric)) return spec->words;
  std::string words = metric;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

double absolute_margin(const std::string& metric, double margin, double full) {
  const MetricSpec* spec = find_by_name(metric);
  return spec != nullptr && spec->relative_margin ? margin * full : margin;
}

}  // namespace thaw
