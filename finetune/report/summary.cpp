#include "finetune/report/summary.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "finetune/report/below_probe.h"
#include "finetune/report/prediction.h"
#include "finetune/run/further_metrics.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/metric_bounds.h"

namespace thaw {
namespace {

constexpr double kNearFull = 0.005;  // half a point

using Runs = std::vector<const ReportedRun*>;

Runs runs_of(const std::string& strategy, const CompareOutcome& outcome) {
  Runs runs;
  for (const ReportedRun& run : outcome.runs)
    if (run.strategy == strategy) runs.push_back(&run);
  return runs;
}

// Runs of one labelled subset are no independent witnesses: their mean is one value.
template <class Get>
std::vector<double> means_by_draw(const Runs& runs, Get get) {
  std::map<std::uint64_t, std::vector<double>> by_draw;
  for (const ReportedRun* run : runs) by_draw[run->draw].push_back(static_cast<double>(get(*run)));
  std::vector<double> means;
  means.reserve(by_draw.size());
  for (const auto& [draw, values] : by_draw) means.push_back(mean(values));
  return means;
}

// What became of the phases that its plan promises.
void add_phases(const Runs& runs, StrategySummary& summary) {
  for (const ReportedRun* run : runs) {
    for (const std::string& phase : run->never_began)
      if (std::find(summary.never_began.begin(), summary.never_began.end(), phase) ==
          summary.never_began.end())
        summary.never_began.push_back(phase);
    summary.kept_earlier_phase += run->kept_is_of_earlier_phase ? 1 : 0;
  }
}

StrategySummary summary_of(const SummaryRow& row, const CompareOutcome& outcome) {
  StrategySummary summary;
  summary.strategy = row.strategy;
  summary.is_baseline = row.is_baseline;
  summary.about = row.about;
  summary.options = row.options;
  summary.exploratory = row.exploratory;
  summary.lr_scale = row.lr_scale;
  summary.settings = row.settings;
  Runs runs = runs_of(row.strategy, outcome);
  summary.runs = static_cast<std::int64_t>(runs.size());
  if (!runs.empty()) summary.lr = runs[0]->lr;
  summary.failed = std::erase_if(runs, [](const ReportedRun* run) { return run->status != RunStatus::ok; });
  for (const TuningTrial& trial : outcome.trials)
    if (trial.strategy == row.strategy) {
      summary.tuning_seconds += trial.seconds;
      ++summary.tuning_trials;
    }
  if (runs.empty()) return summary;
  const auto interval = [&](auto get, const Bounds& bounds) {
    return t_interval(means_by_draw(runs, get), bounds);
  };
  const auto cost = [&](auto get) { return interval(get, Bounds{0, INFINITY}); };
  summary.value = interval([](const ReportedRun& r) { return r.value; }, metric_bounds(outcome.metric));
  // Other test examples would have given another value too.
  if (const Scores scores = scores_of(row.strategy, outcome); !scores.values.empty()) {
    const Interval of_scores =
        mean_interval(scores, score_range(outcome.metric), metric_bounds(outcome.metric));
    summary.value.low = std::min(of_scores.low, summary.value.mean);
    summary.value.high = std::max(of_scores.high, summary.value.mean);
  }
  summary.seconds = cost([](const ReportedRun& r) { return r.train_seconds; });
  summary.spent_seconds = cost([](const ReportedRun& r) { return r.train_seconds - r.shared_seconds; }).mean;
  summary.peak_bytes = cost([](const ReportedRun& r) { return r.peak_bytes; });
  summary.flops = cost([](const ReportedRun& r) { return r.flops; }).mean;
  summary.trainable = cost([](const ReportedRun& r) { return r.trainable; }).mean;
  summary.first_epoch_seconds = cost([](const ReportedRun& r) { return r.first_epoch_seconds; }).mean;
  summary.evaluation_seconds = cost([](const ReportedRun& r) { return r.evaluation_seconds; }).mean;
  for (const auto& [name, value] : runs[0]->test)
    summary.metrics.push_back(
        {name,
         interval([&key = name](const ReportedRun& r) { return metric(r.test, key); }, metric_bounds(name))});
  add_phases(runs, summary);
  return summary;
}

bool is_full(const StrategySummary& summary) { return summary.strategy == "full"; }

void judge_strategies(const Config& config, CompareOutcome& outcome) {
  auto& summaries = outcome.summaries;
  const auto full = std::find_if(summaries.begin(), summaries.end(), is_full);
  const auto is_whole = [&](const StrategySummary& s) {
    return s.failed == 0 && s.runs > 0 && s.runs == full->runs;
  };
  if (outcome.interrupted || full == summaries.end() || !is_whole(*full)) return;
  std::vector<StrategySummary*> judged;
  std::vector<Scores> scores;
  for (StrategySummary& summary : summaries) {
    if (is_full(summary) || !is_whole(summary)) continue;
    judged.push_back(&summary);
    scores.push_back(scores_of(summary.strategy, outcome));
  }
  InferenceOptions options;
  options.higher_is_better = higher_is_better(outcome.metric);
  options.margin = absolute_margin(outcome.metric, outcome.margin, full->value.mean);
  options.range = score_range(outcome.metric);
  options.difference = difference_bounds(outcome.metric);
  options.seed = config.train.seed;
  const Conclusions conclusions = conclude(scores, scores_of("full", outcome), options);
  for (std::size_t i = 0; i < judged.size(); ++i) {
    judged[i]->to_full = conclusions.contrasts[i];
    judged[i]->rank_probability = conclusions.rank_probability[i];
  }
  full->rank_probability = conclusions.rank_probability.back();
}

void flag_below_probe(CompareOutcome& outcome) {
  const auto probe = std::find_if(outcome.summaries.begin(), outcome.summaries.end(),
                                  [](const StrategySummary& s) { return s.strategy == "probe"; });
  if (probe == outcome.summaries.end() || probe->runs == probe->failed) return;
  const double sign = higher_is_better(outcome.metric) ? 1 : -1;
  for (StrategySummary& s : outcome.summaries) {
    if (s.is_baseline || s.runs == s.failed) continue;
    s.below_probe = sign * s.value.mean < sign * probe->value.mean;
    if (s.below_probe) s.below_probe_why = reasons_below_probe(s.strategy, outcome);
  }
}

// When each run's validation metric first came within half a point (for an error: half a percent) of the
// weights that full's run of the same seed kept.
void time_to_full(CompareOutcome& outcome) {
  const bool higher = higher_is_better(outcome.metric);
  std::map<std::uint64_t, double> goals;
  for (const ReportedRun* run : runs_of("full", outcome)) {
    if (run->status != RunStatus::ok || !std::isfinite(run->validation_value())) continue;
    const double near = absolute_margin(outcome.metric, kNearFull, run->validation_value());
    goals[run->seed] = run->validation_value() + (higher ? -near : near);
  }
  for (StrategySummary& summary : outcome.summaries) {
    std::vector<double> seconds, steps;
    for (const ReportedRun* run : runs_of(summary.strategy, outcome)) {
      const auto goal = goals.find(run->seed);
      const auto is_near = [&](const Evaluation& evaluation) {
        const double value = metric(evaluation.metrics, outcome.metric);
        return higher ? value >= goal->second : value <= goal->second;
      };
      auto reached = run->evaluations.end();
      if (run->status == RunStatus::ok && goal != goals.end())
        reached = std::find_if(run->evaluations.begin(), run->evaluations.end(), is_near);
      const bool did = reached != run->evaluations.end();
      seconds.push_back(did ? reached->seconds : INFINITY);
      steps.push_back(did ? static_cast<double>(reached->step) : INFINITY);
    }
    if (seconds.empty() || !std::isfinite(median(seconds))) continue;
    summary.seconds_to_full = median(seconds);
    summary.steps_to_full = median(steps);
  }
}

// One-way analysis of variance of full's values: subsets by rows, repeats within them.
std::optional<SpreadParts> spread_of_full(std::int64_t repeats, const CompareOutcome& outcome) {
  std::map<std::uint64_t, std::vector<double>> by_draw;
  for (const ReportedRun* run : runs_of("full", outcome))
    if (run->status == RunStatus::ok) by_draw[run->draw].push_back(run->value);
  if (repeats < 2 || by_draw.size() < 2) return std::nullopt;
  std::vector<double> means;
  double within = 0;
  const auto n = static_cast<double>(repeats);
  for (const auto& [draw, values] : by_draw) {
    if (static_cast<std::int64_t>(values.size()) != repeats) return std::nullopt;
    means.push_back(mean(values));
    for (const double value : values) within += std::pow(value - means.back(), 2);
  }
  const auto draws = static_cast<double>(means.size());
  within /= draws * (n - 1);
  const double overall = mean(means);
  double between = 0;
  for (const double value : means) between += n * std::pow(value - overall, 2) / (draws - 1);
  return SpreadParts{std::sqrt(std::max(0.0, (between - within) / n)), std::sqrt(within)};
}

}  // namespace

std::vector<std::string> metric_names(const CompareOutcome& outcome) {
  std::vector<std::string> names;
  for (const StrategySummary& s : outcome.summaries)
    for (const MetricInterval& m : s.metrics)
      if (std::find(names.begin(), names.end(), m.name) == names.end()) names.push_back(m.name);
  return names;
}

std::vector<std::string> further_metrics_of(const CompareOutcome& outcome) {
  std::vector<std::string> names = metric_names(outcome);
  std::erase_if(names, [&](const std::string& name) { return !is_further_metric(name, outcome.metric); });
  return names;
}

const MetricInterval* find_metric(const StrategySummary& summary, const std::string& name) {
  const auto found = std::find_if(summary.metrics.begin(), summary.metrics.end(),
                                  [&](const MetricInterval& m) { return m.name == name; });
  return found == summary.metrics.end() ? nullptr : &*found;
}

Scores scores_of(const std::string& strategy, const CompareOutcome& outcome) {
  std::map<std::uint64_t, Runs> by_draw;
  for (const ReportedRun* run : runs_of(strategy, outcome)) {
    if (run->status != RunStatus::ok) return {};
    by_draw[run->draw].push_back(run);
  }
  Scores scores;
  for (const auto& [draw, runs] : by_draw) {
    ++scores.seeds;
    scores.examples = static_cast<std::int64_t>(runs[0]->test_scores.size());
    for (std::size_t i = 0; i < runs[0]->test_scores.size(); ++i) {
      float sum = 0;
      for (const ReportedRun* run : runs) sum += run->test_scores[i];
      scores.values.push_back(sum / static_cast<float>(runs.size()));
    }
  }
  return scores;
}

void summarise(const std::vector<SummaryRow>& rows, const Config& config, CompareOutcome& outcome) {
  for (const SummaryRow& row : rows) outcome.summaries.push_back(summary_of(row, outcome));
  judge_strategies(config, outcome);
  flag_below_probe(outcome);
  time_to_full(outcome);
  outcome.full_spread = spread_of_full(config.compare.repeats, outcome);
  if (outcome.prediction && !outcome.interrupted) judge(*outcome.prediction, outcome, config.train.seed);
}

}  // namespace thaw
