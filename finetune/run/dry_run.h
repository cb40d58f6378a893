// A run without weights: the strategy, the model on the meta device and the plan resolved for it.
#pragma once

#include <memory>

#include "finetune/data/batch.h"
#include "finetune/plan/plan.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/prepare_data.h"
#include "finetune/run/run.h"
#include "nn/optim/schedule.h"

namespace thaw {

struct DryRun {
  Strategy strategy;
  ModelConfig model_config;
  std::unique_ptr<Model> model;  // on the meta device, adapters attached
  BatchPlan batches;
  ResolvedPlan plan;
  Schedule schedule;

  // Learning rate before multipliers.
  ScheduleFunction learning_rate(const Config& config) const;
};

DryRun dry_run(const Config& config, const ModelSource& source, const PreparedData& data);

}  // namespace thaw
