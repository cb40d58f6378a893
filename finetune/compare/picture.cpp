#include "finetune/compare/picture.h"

#include "finetune/run.h"
#include "finetune/run_report.h"
#include "nn/init.h"

namespace thaw {

StrategyPicture make_picture(const Config& config, const std::string& name, const PreparedData& data,
                             const ReportedRun& run) {
  const Strategy strategy = strategy_for(config, data);
  const ModelConfig model_settings = model_config(config, data);
  const InitSeed meta(0, kMeta);
  const std::unique_ptr<Model> model = make_model(model_settings);
  if (strategy.lora) attach_lora(*model, *strategy.lora, 0);
  const BatchPlan batches(data.train.size(), config.train.batch_size, config.train.accumulation, false, 0);
  const std::int64_t total = total_updates(config.train, batches.updates_per_epoch());
  const ResolvedPlan plan(strategy.plan, describe(*model), {total, batches.updates_per_epoch()});
  StrategyPicture picture{name, plan.model().groups, timeline_data(plan, run.triggers), {}, {}};
  const Schedule schedule = make_schedule(config.train, strategy, total);
  for (std::int64_t k = 0; k < total; ++k) picture.schedule.push_back(multiplier(schedule, k, total));
  RunOutcome outcome;
  outcome.ledger = predict_ledger(config, model_settings, strategy, plan, data.train, run.triggers);
  restore_phase_records(run.phase_records, outcome);
  picture.ledger = std::move(outcome.ledger);
  return picture;
}

}  // namespace thaw
