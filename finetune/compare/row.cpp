#include "finetune/compare/row.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace thaw {

void settle(ReportedRun& row) {
  if (!row.test.empty() && !std::isfinite(row.loss)) row.status = RunStatus::diverged;
}

void fill_row(ReportedRun& row, RunResult result) {
  result.test_evaluations += row.test_evaluations;
  static_cast<RunResult&>(row) = std::move(result);
  if (row.test.empty()) return;
  row.value = metric(row.test, row.metric);
  row.loss = metric(row.test, "loss");
  settle(row);
}

void fill_trial(TuningTrial& trial, const RunResult& result, const std::string& metric) {
  trial.status = result.status;
  trial.seconds = result.train_seconds - result.shared_seconds + result.evaluation_seconds;
  if (result.status != RunStatus::ok) return;
  trial.validation_loss = thaw::metric(result.validation, "loss");
  trial.validation_value = thaw::metric(result.validation, metric);
}

void sort_rows(std::vector<ReportedRun>& rows, const std::vector<std::string>& strategies) {
  const auto place = [&](const ReportedRun& row) {
    return std::pair(std::find(strategies.begin(), strategies.end(), row.strategy), row.seed);
  };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const ReportedRun& a, const ReportedRun& b) { return place(a) < place(b); });
}

void sort_trials(std::vector<TuningTrial>& trials, const std::vector<Candidate>& candidates) {
  const auto place = [&](const TuningTrial& trial) {
    return std::find_if(candidates.begin(), candidates.end(),
                        [&](const Candidate& candidate) { return candidate.name == trial.strategy; });
  };
  std::stable_sort(trials.begin(), trials.end(),
                   [&](const TuningTrial& a, const TuningTrial& b) { return place(a) < place(b); });
}

const ReportedRun* first_run_of(const std::string& strategy, const std::vector<ReportedRun>& runs) {
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const ReportedRun& run) {
    return run.strategy == strategy && run.status == RunStatus::ok;
  });
  return found == runs.end() ? nullptr : &*found;
}

}  // namespace thaw
