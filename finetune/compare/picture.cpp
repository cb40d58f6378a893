#include "finetune/compare/picture.h"

#include "core/error.h"
#include "finetune/plan/plan_timeline.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_setup.h"

namespace thaw {

StrategyPicture make_picture(const Config& config, const Candidate& candidate, const PreparedData& data,
                             const ReportedRun& run) {
  RunSetup setup = set_up_run(config, candidate.source, data);
  setup.is_one_of_many = true;
  const std::int64_t total = setup.plan.run().total_updates;
  StrategyPicture picture{
      candidate.name, setup.plan.model().groups, timeline_data(setup.plan, run.triggers), {}, {}};
  for (std::int64_t k = 0; k < total; ++k) picture.schedule.push_back(multiplier(setup.schedule, k, total));
  if (!fits(run.ledger, picture.groups))
    fail_input("the ledger of the run is of another model (journal.jsonl, the run of ", candidate.name,
               " with seed ", run.seed, "); delete its line, or choose another --out");
  picture.ledger = with_measurements(setup.predicted(config, data.train, run.triggers), run.ledger);
  return picture;
}

}  // namespace thaw
