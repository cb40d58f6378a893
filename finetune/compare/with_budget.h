// Budgets: what every candidate of a comparison may spend. Schedules and plans stretch to it.
#pragma once

#include <functional>
#include <string>

#include "finetune/config/budget.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/train/run_result.h"

namespace thaw {

std::string describe(const Budget& budget, const TrainSection& train);
// InputError where nothing would show that a run has converged.
void check_budget(const Budget& budget, const Config& config, const PreparedData& data);

// Whether runs have another number of updates than [train] says.
bool changes_length(const Budget& budget);

// The config does not fit the budget however it is cut.
struct OverBudget : InputError {
  using InputError::InputError;
};

// Trains a config and returns what it took.
using Measure = std::function<RunResult(const Config&, const ModelSource&)>;

// `config` (of one strategy) with train.steps, train.accumulation and so on set so that a run on `data`
// spends the budget. For seconds, a few short runs are measured. What is known of FLOPs is predicted, see
// ledger.h.
Config with_budget(Config config, const ModelSource& source, const Budget& budget, const PreparedData& data,
                   const Measure& measure);

// What a budget may change of a run, from one to the other.
void copy_budget(const TrainSection& from, TrainSection& to);

}  // namespace thaw
