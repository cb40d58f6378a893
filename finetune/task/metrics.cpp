#include "finetune/task/metrics.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/task/task.h"

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
    const auto differs = [&](const Sample& sample) { return sample.target != data.samples.front().target; };
    if (std::none_of(data.samples.begin(), data.samples.end(), differs)) return "all targets are equal";
  }
  return "";
}

bool is_given(const MetricSpec& spec, const Dataset& data) {
  return spec.needs != Requires::two_classes || data.classes.size() == 2;
}

}  // namespace

const MetricSpec* find_metric_spec(std::string name) {
  const std::string prefix = "validation_";
  if (name.starts_with(prefix)) name.erase(0, prefix.size());
  for (const Task* task : tasks())
    for (const MetricSpec& spec : task->metrics())
      if (name == spec.name) return &spec;
  return nullptr;
}

void check_defined(const MetricSpec& spec, const std::string& key, const Dataset& part,
                   const std::string& part_name) {
  if (const std::string why = why_undefined(spec, part); !why.empty())
    fail_input(key, " asks for ", spec.name, ", which ", part_name, " leave undefined: ", why,
               "; choose another metric, or other data");
}

std::string undefined_metrics(const Task& task, const Dataset& data) {
  std::string text;
  for (const MetricSpec& spec : task.metrics())
    if (is_given(spec, data))
      if (const std::string why = why_undefined(spec, data); !why.empty())
        text += concat(text.empty() ? "" : "; ", spec.name, " is undefined: ", why);
  return text;
}

std::optional<std::int64_t> first_row_not_finite(const Outputs& outputs) {
  const auto found = std::find_if_not(outputs.values.begin(), outputs.values.end(),
                                      [](float value) { return std::isfinite(value); });
  if (found == outputs.values.end()) return std::nullopt;
  const std::int64_t row = (found - outputs.values.begin()) / outputs.columns;
  if (outputs.starts.empty()) return row;
  return std::upper_bound(outputs.starts.begin(), outputs.starts.end(), row) - outputs.starts.begin() - 1;
}

Metrics compute_metrics(const Task& task, const Outputs& outputs, const Dataset& data) {
  if (data.size() == 0) fail_input("there is nothing to evaluate: the data set is empty");
  // The largest of logits that are NaN is the first, so that they would be answers like others.
  const bool finite = !first_row_not_finite(outputs);
  Metrics metrics;
  for (const MetricSpec& spec : task.metrics())
    if (is_given(spec, data))
      metrics.emplace_back(spec.name, finite ? spec.compute(outputs, data).value : NAN);
  return metrics;
}

std::vector<float> example_scores(const Task& task, const Outputs& outputs, const Dataset& data,
                                  const std::string& metric) {
  if (first_row_not_finite(outputs)) return std::vector<float>(data.samples.size(), NAN);
  const MetricSpec& spec = task.metric(metric);
  if (!is_given(spec, data)) check_defined(spec, metric, data, "these data");
  const Scored scored = spec.compute(outputs, data);
  return {scored.scores.begin(), scored.scores.end()};
}

const double* find_metric(const Metrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics)
    if (key == name) return &value;
  return nullptr;
}

double metric(const Metrics& metrics, const std::string& name) {
  if (const double* value = find_metric(metrics, name)) return *value;
  std::string known;
  for (const auto& [key, value] : metrics) known += (known.empty() ? "" : ", ") + key;
  fail_input("no metric '", name, "'; there are: ", known);
}

bool is_metric(const std::string& name) { return find_metric_spec(name) != nullptr; }

bool higher_is_better(const std::string& metric) {
  const MetricSpec* spec = find_metric_spec(metric);
  return spec != nullptr && spec->higher_is_better;
}

double score_range(const std::string& metric) {
  const MetricSpec* spec = find_metric_spec(metric);
  return spec == nullptr ? 0 : spec->score_range;
}

std::string metric_words(const std::string& metric) {
  if (const MetricSpec* spec = find_metric_spec(metric)) return spec->words;
  std::string words = metric;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

double absolute_margin(const std::string& metric, double margin, double full) {
  const MetricSpec* spec = find_metric_spec(metric);
  return spec != nullptr && spec->relative_margin ? margin * full : margin;
}

}  // namespace thaw
