#include "finetune/report/html/curves.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/html/charts.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/outcome.h"

namespace thaw::report {
namespace {

const ReportedRun* run_with_samples(const CompareOutcome& outcome, const std::string& strategy) {
  for (const ReportedRun& run : outcome.runs)
    if (run.strategy == strategy && !run.layer_samples.empty()) return &run;
  return nullptr;
}

Series curve_of(const ReportedRun& run, const std::string& metric) {
  Series series{concat("seed ", run.seed), {}};
  if (run.draw != run.seed) series.name += concat(", draw ", run.draw);
  for (const Evaluation& evaluation : run.evaluations)
    for (const auto& [name, value] : evaluation.metrics)
      if (name == metric) series.points.emplace_back(static_cast<double>(evaluation.step), value);
  return series;
}

std::string last_values(const std::vector<Series>& series) {
  std::string text;
  for (const Series& s : series)
    if (!s.points.empty())
      text += concat(text.empty() ? "" : "; ", s.name, ": ", short_number(s.points.back().second), " after ",
                     short_number(s.points.back().first, 9), " updates");
  return text;
}

std::string validation_figure(const CompareOutcome& outcome, const std::string& strategy,
                              const std::string& metric) {
  LineChart chart;
  for (const ReportedRun& run : outcome.runs) {
    if (run.strategy != strategy) continue;
    Series series = curve_of(run, metric);
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  if (chart.series.empty()) return "";
  const ReportedRun* sampled = metric == "loss" ? run_with_samples(outcome, strategy) : nullptr;
  if (sampled != nullptr) {
    Series training{concat("training (", sampled->seed, ")"), {}};
    for (const LayerSample& sample : sampled->layer_samples)
      training.points.emplace_back(static_cast<double>(sample.step), sample.loss);
    chart.series.push_back(std::move(training));
  }
  chart.id = concat("curve-", anchor(metric), "-", anchor(strategy));
  chart.title =
      sampled != nullptr ? "Validation and training loss" : concat("Validation ", metric_name(metric));
  chart.x_label = "updates";
  chart.y_label = metric_name(metric);
  chart.description = last_values(chart.series);
  return line_chart(chart);
}

struct StatisticKind {
  std::string id, title, label;
  std::vector<double> LayerSample::*values;
};

std::string statistic_figure(const ReportedRun& run, const StrategyPicture& picture,
                             const StatisticKind& kind) {
  LineChart chart;
  chart.log_y = true;
  for (std::size_t g = picture.groups.size(); g-- > 0;) {
    Series series{picture.groups[g], {}};
    bool any = false;
    for (const LayerSample& sample : run.layer_samples) {
      const std::vector<double>& values = sample.*kind.values;
      const double value = g < values.size() ? values[g] : 0;
      any = any || value > 0;
      series.points.emplace_back(static_cast<double>(sample.step), value);
    }
    if (any) chart.series.push_back(std::move(series));
  }
  chart.id = concat(kind.id, "-", anchor(picture.strategy));
  chart.title = concat(kind.title, ", seed ", run.seed);
  chart.x_label = "updates";
  chart.y_label = kind.label;
  chart.description = "By group, on a logarithmic axis: " + last_values(chart.series);
  return line_chart(chart);
}

}  // namespace

std::string curve_figures(const CompareOutcome& outcome, const std::string& strategy) {
  return (outcome.metric == "loss" ? "" : validation_figure(outcome, strategy, outcome.metric)) +
         validation_figure(outcome, strategy, "loss");
}

std::string statistic_figures(const CompareOutcome& outcome, const StrategyPicture& picture) {
  const ReportedRun* run = run_with_samples(outcome, picture.strategy);
  if (run == nullptr) return "";
  return statistic_figure(*run, picture,
                          {"drift", "Distance from the starting weights",
                           "||w \xe2\x88\x92 start|| / ||start||", &LayerSample::weight_distance}) +
         statistic_figure(*run, picture,
                          {"gradient", "Gradient norm by group", "||gradient||", &LayerSample::gradient}) +
         statistic_figure(*run, picture,
                          {"update", "An update beside the weights", "||update|| / ||weights||",
                           &LayerSample::update_ratio});
}

}  // namespace thaw::report
