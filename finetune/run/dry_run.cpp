#include "finetune/run/dry_run.h"

#include "finetune/config/chosen_metrics.h"
#include "finetune/model/starting_model.h"
#include "finetune/plan/adapters.h"
#include "finetune/train/step.h"

namespace thaw {

DryRun dry_run(const Config& config, const ModelSource& source, const PreparedData& data) {
  Strategy strategy = strategy_for(config, source, data);
  const ModelConfig model = model_config(source, data);
  auto built = make_meta_model(model, strategy.adapters);
  const TrainSection& train = config.train;
  BatchPlan batches(data.train.size(), train.batch_size, train.accumulation, train.shuffle, train.seed);
  const RunLength length{total_updates(train, batches.updates_per_epoch()), batches.updates_per_epoch()};
  ResolvedPlan plan(strategy.plan, describe(*built), length);
  check_monitors(config, plan.plan(), data.validation);
  const Schedule schedule = make_schedule(train, strategy, length.total_updates);
  return {std::move(strategy), model, std::move(built), std::move(batches), std::move(plan), schedule};
}

ScheduleFunction DryRun::learning_rate(const Config& config) const {
  return [lr = config.train.lr, s = schedule, total = plan.run().total_updates](std::int64_t completed) {
    return lr * multiplier(s, completed, total);
  };
}

}  // namespace thaw
