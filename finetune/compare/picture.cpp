#include "finetune/compare/picture.h"

#include "core/error.h"
#include "finetune/plan/plan_timeline.h"
#include "finetune/run/dry_run.h"
#include "finetune/run/run_report.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_records.h"
#include "finetune/train/trainer.h"

namespace thaw {

StrategyPicture make_picture(const Config& config, const Contender& contender, const PreparedData& data,
                             const ReportedRun& run) {
  const DryRun dry = dry_run(config, contender.source, data);
  const std::int64_t total = dry.plan.run().total_updates;
  StrategyPicture picture{
      contender.name, dry.plan.model().groups, timeline_data(dry.plan, run.triggers), {}, {}};
  for (std::int64_t k = 0; k < total; ++k) picture.schedule.push_back(multiplier(dry.schedule, k, total));
  RunOutcome outcome;
  outcome.ledger = predict_ledger(config, dry.model_config, dry.strategy, dry.plan, data.train, run.triggers);
  try {
    restore_phase_records(run.phase_records, outcome);
  } catch (const InputError& error) {
    fail_input(error.what(), " (journal.jsonl, the run of ", contender.name, " with seed ", run.seed,
               "); delete its line, or choose another --out");
  }
  picture.ledger = std::move(outcome.ledger);
  return picture;
}

}  // namespace thaw
