#include "finetune/train/run_setup.h"

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/config/chosen_metrics.h"
#include "finetune/model/adapter_folder.h"
#include "finetune/model/starting_model.h"
#include "finetune/plan/adapters.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/train/calibration.h"
#include "finetune/train/step.h"

namespace thaw {
namespace {

RunLength length_of(const TrainSection& train, const BatchPlan& batches) {
  return {total_updates(train, batches.updates_per_epoch()), batches.updates_per_epoch()};
}

Strategy strategy_on(const Config& config, const ModelSource& source, const PreparedData& data,
                     const Model& model) {
  ModelInfo info = describe(model);
  info.head_is_new = head_is_new(source, data, model);
  Strategy strategy = make_strategy(config.strategy, info, run_length(config.train, data));
  if (strategy.adapters && strategy.adapters->is_low_rank() && source.adapter)
    strategy.adapters->layers = layers_of_patterns(model, *source.adapter);
  const auto& wanted = config.train.schedule;
  if (wanted && strategy.schedule && *wanted != *strategy.schedule)
    strategy.warnings.push_back(concat("train.schedule = ", in_quotes(name_of(*wanted)),
                                       " takes the place of the strategy's own, ",
                                       in_quotes(name_of(*strategy.schedule))));
  return strategy;
}

RunSetup set_up_on(const Config& config, Strategy strategy, const ModelConfig& of_run,
                   std::unique_ptr<Model> model, const PreparedData& data) {
  if (strategy.adapters) attach_adapters(*model, *strategy.adapters, 0);
  const TrainSection& train = config.train;
  BatchPlan batches = make_batches(train, data.train.size());
  const RunLength length = length_of(train, batches);
  const Schedule schedule = make_schedule(train, strategy, length.total_updates);
  ResolvedPlan plan(strategy.plan, describe(*model), length);
  check_monitors(config, plan.plan(), data.validation);
  return {std::move(strategy), of_run, std::move(model), std::move(batches), std::move(plan), schedule};
}

}  // namespace

RunLength run_length(const TrainSection& train, const PreparedData& data) {
  return length_of(train, make_batches(train, data.train.size()));
}

ScheduleFunction RunSetup::learning_rate(const TrainSection& train) const {
  return [lr = train.lr, s = schedule, total = plan.run().total_updates](std::int64_t completed) {
    return lr * multiplier(s, completed, total);
  };
}

Ledger RunSetup::predicted(const Config& config, const Dataset& data, const Triggers& triggers) const {
  // A phase behind a plateau must not find out in the middle of the run that train.memory is too little for it.
  if (const Triggers all = plan.plateaus_at_once(); config.train.memory && triggers.empty() && !all.empty())
    predict_ledger(config, *model, strategy, plan, data, all, is_one_of_many);
  Ledger ledger = predict_ledger(config, *model, strategy, plan, data, triggers, is_one_of_many);
  if (calibration != nullptr) calibration->price(ledger, plan);
  return ledger;
}

RunSetup set_up_run(const Config& config, const ModelSource& source, const PreparedData& data) {
  const ModelConfig of_run = model_config(source, data);
  std::unique_ptr<Model> model = make_meta_model(of_run);
  Strategy strategy = strategy_on(config, source, data, *model);
  return set_up_on(config, std::move(strategy), of_run, std::move(model), data);
}

RunSetup set_up_run(const Config& config, Strategy strategy, const ModelConfig& model_config,
                    const PreparedData& data) {
  return set_up_on(config, std::move(strategy), model_config, make_meta_model(model_config), data);
}

StepCost cost_of_everything(const Config& config, const ModelSource& source, const PreparedData& data) {
  Config full = config;
  full.strategy = StrategyRequest();
  full.strategy.name = "full";
  full.train.steps = 1;
  full.train.recompute = "off";
  full.train.memory.reset();
  return set_up_run(full, source, data).predicted(full, data.train).phases.front().predicted;
}

PreparedModel prepare_model(const RunSetup& setup, const ModelSource& source, const PreparedData& data,
                            std::uint64_t seed, bool allow_missing) {
  return prepare_model(setup.model_config, source, data, seed, setup.strategy.adapters, allow_missing);
}

}  // namespace thaw
