// Budgets: what every candidate of a comparison may spend. Schedules and plans stretch to it.
#pragma once

#include <string>

#include "finetune/common/stop.h"
#include "finetune/config/budget.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"

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

// `config` (of one strategy) with train.steps, train.accumulation and so on set so that a run on `data`
// spends the budget, as the ledger predicts it; for seconds it is calibrated. A request to stop ends a calibration: then
// the config is as it was.
Config with_budget(Config config, const ModelSource& source, const Budget& budget, const PreparedData& data,
                   const StopToken* stop = nullptr);

// What a budget may change of a run, from one to the other.
void copy_budget(const TrainSection& from, TrainSection& to);

}  // namespace thaw
