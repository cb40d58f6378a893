#include "finetune/compare/candidate_runs.h"

#include <utility>

#include "core/error.h"
#include "finetune/compare/baselines.h"
#include "finetune/compare/row.h"
#include "finetune/run/prepare_data.h"
#include "finetune/run/run_folder.h"

namespace thaw {
namespace {

// What a kill may cost. A budget can stretch a run to thousands of epochs, and each checkpoint waits for the disk.
constexpr double kCheckpointPause = 10;  // seconds

// Tuning seeds start this far from the reported ones, so the two never meet.
constexpr std::uint64_t kTuningSeedOffset = 1'000'000;

}  // namespace

PreparedData CandidateRuns::draw(std::uint64_t seed) const {
  return draw_training_data(config_, loaded_, seed);
}

std::uint64_t CandidateRuns::tuning_seed() const { return config_.train.seed + kTuningSeedOffset; }

bool CandidateRuns::run_trial(const Candidate& candidate, const Config& config, const std::string& metric,
                              TuningTrial& trial) const {
  const PreparedData data = draw(trial.seed);
  RunRequest run = request_for(config, trial.seed, candidate.source, data);
  run.evaluate_test = false;
  const RunResult result = run_training(run);
  if (result.status == RunStatus::interrupted) return false;
  fill_trial(trial, result, metric);
  return true;
}

bool CandidateRuns::report(const Candidate& candidate, const Config& config, ReportedRun& row) const {
  const PreparedData data = draw(row.draw);
  RunRequest run = request_for(config, row.seed, candidate.source, data);
  run.out = concat(request_.out, '/', candidate.name, "/seed-", row.seed);
  run.checkpoint_pause = kCheckpointPause;
  run.layer_statistics = row.seed == config_.train.seed;
  // Of an earlier session, or of a worker that died.
  const EarlierRun earlier = clear_unless_it_goes_on(run.out);
  // It ended, and the journal does not know how: the kill came in between. The same run again.
  if (earlier == EarlierRun::ended) row.test_evaluations = 1;
  run.resume = earlier == EarlierRun::goes_on;
  RunResult result = run_training(run);
  if (result.status == RunStatus::interrupted) return false;
  if (result.status == RunStatus::diverged)
    say_(concat(candidate.name, " seed ", row.seed, " diverged: ", result.message));
  fill_row(row, std::move(result));
  return true;
}

void CandidateRuns::report_baseline(ReportedRun& row) const {
  const PreparedData data = draw(row.draw);
  source_.check_files();
  row = run_baseline(row, {config_, source_, data, row.seed, request_.allow_missing, request_.prefixes});
}

RunRequest CandidateRuns::request_for(const Config& config, std::uint64_t seed, const ModelSource& source,
                                      const PreparedData& data) const {
  source_.check_files();
  RunRequest run{.config = config, .source = source, .data = data, .is_compared = true};
  run.config.train.seed = seed;
  run.allow_missing = request_.allow_missing;
  run.version = request_.version;
  run.compiler = request_.compiler;
  run.hooks.stop = request_.stop;
  run.prefixes = request_.prefixes;
  return run;
}

}  // namespace thaw
