#include "finetune/compare/row.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "finetune/run/run_report.h"
#include "finetune/train/run_records.h"
#include "finetune/train/trainer.h"

namespace thaw {

void fill_row(ReportedRun& row, const RunResult& result) {
  const RunOutcome& outcome = result.outcome;
  row.status = status_name(outcome.status);
  if (!result.test.empty()) {
    row.value = metric(result.test, row.metric);
    row.loss = metric(result.test, "loss");
    row.test = result.test;
    row.scores = result.test_scores;
    row.confusion = result.confusion;
    // Weights may be finite and answers not.
    if (!std::isfinite(row.loss)) row.status = "diverged";
  }
  row.seconds = outcome.train_seconds;
  row.first_epoch_seconds = outcome.first_epoch_seconds;
  row.evaluation_seconds = outcome.evaluation_seconds;
  row.flops = outcome.flops;
  row.peak_bytes = outcome.peak_bytes;
  row.trainable = outcome.trainable;
  row.steps = outcome.completed;
  row.never_began = outcome.never_began;
  row.kept_is_of_earlier_phase = outcome.kept_is_of_earlier_phase;
  row.test_evaluations += result.test_evaluations;
  if (!outcome.validation.empty()) row.validation = metric(outcome.validation, row.metric);
  row.evaluations = outcome.evaluations;
  row.watched = result.watched;
  row.triggers = outcome.triggers;
  row.phase_records = phase_records(outcome);
}

void fill_trial(TuningTrial& trial, const RunOutcome& outcome, const std::string& metric) {
  trial.status = status_name(outcome.status);
  trial.seconds = outcome.train_seconds + outcome.evaluation_seconds;
  if (outcome.status != RunStatus::ok) return;
  trial.validation_loss = thaw::metric(outcome.validation, "loss");
  trial.validation_value = thaw::metric(outcome.validation, metric);
}

void sort_rows(std::vector<ReportedRun>& rows, const std::vector<std::string>& strategies) {
  const auto place = [&](const ReportedRun& row) {
    return std::pair(std::find(strategies.begin(), strategies.end(), row.strategy), row.seed);
  };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const ReportedRun& a, const ReportedRun& b) { return place(a) < place(b); });
}

const ReportedRun* first_run_of(const std::string& strategy, const std::vector<ReportedRun>& runs) {
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const ReportedRun& run) {
    return run.strategy == strategy && run.status == "ok";
  });
  return found == runs.end() ? nullptr : &*found;
}

}  // namespace thaw
