// What a run writes about itself while it trains: lines of metrics.jsonl, and the records that a checkpoint
// carries over a restart.
#pragma once

#include <cstdint>
#include <string>

#include "finetune/preprocess/prepared_data.h"
#include "finetune/train/trainer.h"

namespace thaw {

// {"step","epoch","loss","lr","phase"}: step from 1, epoch completed as a fraction, the loss before the
// update, phase from 0.
std::string update_line(std::int64_t step, std::int64_t updates_per_epoch, double loss, double lr, int phase);
// {"step","split","phase", and each metric}
std::string evaluation_line(std::int64_t step, const std::string& split, const Metrics& metrics, int phase);

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

}  // namespace thaw
