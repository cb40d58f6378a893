#include "finetune/compare_summary.h"

#include <algorithm>
#include <cmath>

#include "finetune/evaluate.h"

namespace thaw {
namespace {

StrategySummary summary_of(const std::string& strategy, const CompareOutcome& outcome) {
  StrategySummary summary;
  summary.strategy = strategy;
  std::vector<double> values, seconds, peaks;
  for (const ReportedRun& run : outcome.runs) {
    if (run.strategy != strategy) continue;
    ++summary.runs;
    summary.lr = run.lr;
    if (run.status != "ok") {
      ++summary.failed;
      continue;
    }
    values.push_back(run.value);
    seconds.push_back(run.seconds);
    peaks.push_back(static_cast<double>(run.peak_bytes));
    summary.flops += run.flops;
    summary.trainable += static_cast<double>(run.trainable);
  }
  for (const TuningTrial& trial : outcome.trials)
    if (trial.strategy == strategy) summary.tuning_seconds += trial.seconds;
  if (values.empty()) return summary;
  const auto n = static_cast<double>(values.size());
  summary.seconds = t_interval(seconds);
  summary.peak_bytes = t_interval(peaks);
  summary.flops /= n;
  summary.trainable /= n;
  summary.value = t_interval(values);
  return summary;
}

// Seeds by rows; the runs of every strategy are in the order of their seeds.
Scores scores_of(const std::string& strategy, const CompareOutcome& outcome) {
  Scores scores;
  for (const ReportedRun& run : outcome.runs) {
    if (run.strategy != strategy) continue;
    ++scores.seeds;
    scores.examples = static_cast<std::int64_t>(run.scores.size());
    scores.values.insert(scores.values.end(), run.scores.begin(), run.scores.end());
  }
  return scores;
}

}  // namespace

std::vector<StrategySummary> summarise(const std::vector<std::string>& strategies,
                                       const CompareOutcome& outcome, double margin, std::uint64_t seed) {
  std::vector<StrategySummary> summaries;
  summaries.reserve(strategies.size());
  for (const std::string& strategy : strategies) summaries.push_back(summary_of(strategy, outcome));
  const auto is_full = [](const StrategySummary& s) { return s.strategy == "full"; };
  const auto full = std::find_if(summaries.begin(), summaries.end(), is_full);
  const auto is_whole = [&](const StrategySummary& s) {
    return s.failed == 0 && s.runs > 0 && s.runs == full->runs;
  };
  if (outcome.interrupted || full == summaries.end() || !is_whole(*full)) return summaries;
  std::vector<StrategySummary*> judged;
  std::vector<Scores> scores;
  for (StrategySummary& summary : summaries) {
    if (is_full(summary) || !is_whole(summary)) continue;
    judged.push_back(&summary);
    scores.push_back(scores_of(summary.strategy, outcome));
  }
  InferenceOptions options;
  options.higher_is_better = higher_is_better(outcome.metric);
  options.margin = options.higher_is_better ? margin : margin * full->value.mean;
  options.seed = seed;
  const Conclusions conclusions = conclude(scores, scores_of("full", outcome), options);
  for (std::size_t i = 0; i < judged.size(); ++i) {
    judged[i]->to_full = conclusions.contrasts[i];
    judged[i]->rank_probability = conclusions.rank_probability[i];
  }
  full->rank_probability = conclusions.rank_probability.back();
  return summaries;
}

}  // namespace thaw
