// What a comparison's runs say together: a row per strategy.
#pragma once

#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/report/comparison.h"

namespace thaw {

struct SummaryRow {
  std::string strategy;
  bool is_baseline = false;
  std::string about;
  OptionMap options;
  bool exploratory = false;
  double lr_scale = 0;
  std::vector<std::string> settings = {};
};

// Fills outcome.summaries (in the order of `rows`), full_spread and the prediction's contrast. A strategy is
// judged against `full` where every run of both ended well; nothing is judged in a comparison that was
// interrupted. compare.margin is a difference of the metric, or, where that is an error, a share of full's.
void summarise(const std::vector<SummaryRow>& rows, const Config& config, CompareOutcome& outcome);

// Of the metrics that some strategy has, in their order.
std::vector<std::string> metric_names(const CompareOutcome& outcome);
// Those of finetune/run/further_metrics.h among them.
std::vector<std::string> further_metrics_of(const CompareOutcome& outcome);
// Null: the strategy has not this metric.
const MetricInterval* find_metric(const StrategySummary& summary, const std::string& name);

// A strategy's scores with a row per labelled subset, in their order: runs of one subset are averaged, for
// they are no independent witnesses. Empty where a run did not end well.
Scores scores_of(const std::string& strategy, const CompareOutcome& outcome);

}  // namespace thaw
