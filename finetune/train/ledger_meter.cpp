#include "finetune/train/ledger_meter.h"

namespace thaw {

void LedgerMeter::update_begins(const Moment& now) {
  if (now.completed != row_of(now).observed) return;
  peak_->note(result_.peak_bytes);
  if (trace_ != nullptr) trace_->begin(now.completed + 1);
  observer_.emplace(now.model, trace_);
}

void LedgerMeter::after_step(const Moment& now) {
  if (!observer_) return;
  LedgerPhase& row = row_of(now);
  row.measured = observer_->finish(kCpu);
  row.was_measured = true;
  observer_.reset();
  if (trace_ != nullptr) trace_->end();
}

}  // namespace thaw
