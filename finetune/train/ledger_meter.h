// LedgerMeter: what one update of each phase cost, and how long all of them took, for the ledger of a run.
#pragma once

#include <cstdint>
#include <optional>

#include "finetune/train/chrome_trace.h"
#include "finetune/train/listener.h"
#include "finetune/train/peak_memory.h"
#include "finetune/train/run_result.h"

namespace thaw {

class LedgerMeter : public TrainListener {
 public:
  // Fills result.ledger, whose rows are predicted. `trace`: keeps the kernels of the first update that is observed; null:
  // nobody asked.
  LedgerMeter(RunResult& result, const std::optional<PeakMemory>& peak, ChromeTrace* trace)
      : result_(result), peak_(peak), trace_(trace) {}

  void update_begins(const Moment& now) override;
  void after_step(const Moment& now) override;
  void step_failed(const Moment&) override { observer_.reset(); }
  void update_ends(const Moment& now) override { row_of(now).seconds += now.seconds; }

 private:
  LedgerPhase& row_of(const Moment& now) { return result_.ledger.phases[now.segment]; }

  RunResult& result_;
  const std::optional<PeakMemory>& peak_;
  ChromeTrace* trace_;
  std::optional<StepObserver> observer_;
};

}  // namespace thaw
