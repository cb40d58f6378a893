// RunSetup: all that is known of a run before a weight is read: the strategy, the model on the meta device, the plan
// resolved for both, the batches and the schedule. `thaw plan` shows it; a trainer, `lr-find` and `bench` train by it.
#pragma once

#include <memory>

#include "finetune/data/batch.h"
#include "finetune/model/model_source.h"
#include "finetune/model/starting_model.h"
#include "finetune/plan/plan.h"
#include "finetune/plan/strategy.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/train/ledger.h"
#include "nn/models/registry.h"
#include "nn/module.h"
#include "nn/optim/schedule.h"

namespace thaw {

class Calibration;

struct RunSetup {
  Strategy strategy;
  ModelConfig model_config;      // without the strategy's adapters
  std::unique_ptr<Model> model;  // on the meta device, adapters attached
  BatchPlan batches;
  ResolvedPlan plan;
  Schedule schedule;
  bool is_one_of_many = false;  // other runs take the same entries of the prefix cache
  std::shared_ptr<const Calibration> calibration = nullptr;  // null: nothing predicts seconds

  // Learning rate before multipliers.
  ScheduleFunction learning_rate(const TrainSection& train) const;
  // What the run will cost, a row per segment of the plan. Leaves the model's switches as the last one has them.
  Ledger predicted(const Config& config, const Dataset& data, const Triggers& triggers = {}) const;
};

RunLength run_length(const TrainSection& train, const PreparedData& data);

// InputError for what is wrong with the strategy or the plan.
RunSetup set_up_run(const Config& config, const ModelSource& source, const PreparedData& data);
// Of a strategy made for a run of that length and a model that is `model_config`.
RunSetup set_up_run(const Config& config, Strategy strategy, const ModelConfig& model_config,
                    const PreparedData& data);

// One update of `full` in the place of the config's strategy: what savings are relative to.
StepCost cost_of_everything(const Config& config, const ModelSource& source, const PreparedData& data);

// The model that it trains, with its starting weights.
PreparedModel prepare_model(const RunSetup& setup, const ModelSource& source, const PreparedData& data,
                            std::uint64_t seed, bool allow_missing);

}  // namespace thaw
