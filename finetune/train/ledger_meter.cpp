#include "finetune/train/ledger_meter.h"

#include <algorithm>

namespace thaw {

// The third update of a phase, when its optimizer state is made; later if that one is a partial batch.
void LedgerMeter::choose_update(const Moment& now) {
  const std::int64_t end = row_of(now).end, third = std::min(now.phase_began + 2, end - 1);
  measured_ = third;
  for (std::int64_t k = third; k < std::min(end, third + batches_.updates_per_epoch()); ++k)
    if (batches_.samples(k) == samples_) {
      measured_ = k;
      return;
    }
}

void LedgerMeter::update_begins(const Moment& now) {
  if (now.completed != measured_) return;
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
