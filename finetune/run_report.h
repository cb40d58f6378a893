// What a run writes about itself: lines of metrics.jsonl, ledger.json, run.json, and the records that a
// checkpoint carries over a restart.
#pragma once

#include <map>
#include <string>

#include "finetune/config.h"
#include "finetune/trainer.h"

namespace thaw {

// {"step","epoch","loss","lr","phase"}: step from 1, epoch completed as a fraction, the loss before the
// update, phase from 0.
std::string update_line(std::int64_t step, std::int64_t updates_per_epoch, double loss, double lr, int phase);
// {"step","split","phase", and each metric}
std::string evaluation_line(std::int64_t step, const std::string& split, const Metrics& metrics, int phase);

// The status in the text of a run.json; one that cannot be read counts as ok, for its run did end.
RunStatus recorded_status(const std::string& run_json);

// SHA-256 of the training and validation data as the model takes them: values or tokens, labels, rows.
std::string hash_of_inputs(const PreparedData& data);

// Identifies (config, data): a checkpoint of another run is refused. Things that do not change results
// (epochs left to run, output) do change it too: the schedule stretches with them.
std::string run_fingerprint(const Config& config, const PreparedData& data);

// The finished phases of an outcome as text, and back. InputError for a text that is none of these, with
// `path` of the checkpoint that has it.
std::string phase_records(const RunOutcome& outcome);
void restore_phase_records(const std::string& json, RunOutcome& outcome);
void restore_phase_records(const std::string& json, RunOutcome& outcome, const std::string& path);

// `next` (new predictions) with the measurements and seconds that `before` had for the same phases.
Ledger with_measurements(Ledger next, const Ledger& before);

struct RunContext {  // what run.json says beside the outcome
  std::string version, compiler;
  std::string model;
  double load_seconds = 0;
  std::int64_t test_evaluations = 0;
  std::string test_hash;  // of the test data; empty: none
  Metrics test;           // empty: not evaluated
};
std::string run_json(const Config& config, const RunOutcome& outcome, const RunContext& context);

// CPU name, threads, compiler, thaw's version: for run.json and bench reports.
std::string cpu_name();

}  // namespace thaw
