// LedgerMeter: what one update of each phase cost, and how long all of them took, for the ledger of a run.
#pragma once

#include <cstdint>
#include <optional>

#include "finetune/data/batch.h"
#include "finetune/train/chrome_trace.h"
#include "finetune/train/listener.h"
#include "finetune/train/peak_memory.h"
#include "finetune/train/run_result.h"

namespace thaw {

class LedgerMeter : public TrainListener {
 public:
  // Fills result.ledger, whose rows are predicted. `trace`: keeps the kernels of the first update that is measured; null:
  // nobody asked. `samples_of_update`: of one that is no partial one.
  LedgerMeter(RunResult& result, const BatchPlan& batches, std::int64_t samples_of_update,
              const std::optional<PeakMemory>& peak, ChromeTrace* trace)
      : result_(result), batches_(batches), samples_(samples_of_update), peak_(peak), trace_(trace) {}

  void phase_begins(const Moment& now) override { choose_update(now); }
  void phase_goes_on(const Moment& now) override { choose_update(now); }
  void update_begins(const Moment& now) override;
  void after_step(const Moment& now) override;
  void step_failed(const Moment&) override { observer_.reset(); }
  void update_ends(const Moment& now) override { row_of(now).seconds += now.seconds; }

 private:
  void choose_update(const Moment& now);
  LedgerPhase& row_of(const Moment& now) { return result_.ledger.phases[now.segment]; }

  RunResult& result_;
  const BatchPlan& batches_;
  std::int64_t samples_;
  const std::optional<PeakMemory>& peak_;
  ChromeTrace* trace_;
  std::optional<StepObserver> observer_;
  std::int64_t measured_ = -1;  // the update of this phase that is observed
};

}  // namespace thaw
