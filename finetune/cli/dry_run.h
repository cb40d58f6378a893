// A run without weights: the data, the strategy, the model on the meta device and the plan resolved for it.
#pragma once

#include <memory>

#include "finetune/experiment.h"
#include "finetune/plan.h"
#include "finetune/run.h"
#include "nn/optim/schedule.h"

namespace thaw::cli {

struct DryRun {
  PreparedData data;
  Strategy strategy;
  ModelConfig model_config;
  std::unique_ptr<Model> model;  // on the meta device, adapters attached
  ResolvedPlan plan;
  Schedule schedule;

  // Learning rate before multipliers.
  ScheduleFunction learning_rate(const Config& config) const;
};

DryRun dry_run(const Config& config);

}  // namespace thaw::cli
