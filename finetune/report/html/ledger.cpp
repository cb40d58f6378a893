#include "finetune/report/html/ledger.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/html/html.h"
#include "finetune/train/ledger.h"

namespace thaw::report {
namespace {

std::string updates_text(const LedgerPhase& phase) { return concat(phase.begin + 1, " to ", phase.end); }

// Predicted, and below it what was counted and how long it took.
Cell work_cell(const LedgerPhase& phase, double predicted, double measured, double seconds) {
  std::string note;
  if (phase.was_measured) note = flops_text(measured);
  if (seconds > 0) note += "\n" + seconds_text(seconds);
  return {flops_text(predicted), predicted, note};
}

Cell memory_cell(const LedgerPhase& phase, std::int64_t predicted, std::int64_t measured) {
  return {bytes_text(static_cast<double>(predicted)), static_cast<double>(predicted),
          phase.was_measured ? bytes_text(static_cast<double>(measured)) : ""};
}

std::vector<Cell> phase_row(const LedgerPhase& phase) {
  const StepCost &said = phase.was_measured ? phase.predicted_observed : phase.predicted,
                 &seen = phase.measured;
  const double share =
      static_cast<double>(phase.trainable) / static_cast<double>(std::max<std::int64_t>(phase.parameters, 1));
  std::vector<Cell> row{{updates_text(phase)},
                        phase.seconds > 0 ? Cell(seconds_text(phase.seconds), phase.seconds) : Cell(),
                        {percent_text(share), share}};
  double seconds = 0;
  for (std::size_t k = 0; k < said.flops.size(); ++k) {
    row.push_back(work_cell(phase, said.flops[k], seen.flops[k], seen.seconds[k]));
    seconds += seen.seconds[k];
  }
  row.push_back(work_cell(phase, said.total_flops(), seen.total_flops(), seconds));
  row.push_back(memory_cell(phase, said.saved_bytes, seen.saved_bytes));
  row.push_back(memory_cell(phase, said.gradient_bytes, seen.gradient_bytes));
  row.push_back(memory_cell(phase, said.optimizer_bytes, seen.optimizer_bytes));
  return row;
}

}  // namespace

std::string ledger_tables(const StrategyPicture& picture) {
  std::string blocked;
  Table table("What one update costs: predicted, and below it measured",
              {"updates", "took", "trainable", "forward", "input gradients", "weight gradients", "optimizer",
               "together", "saved activations", "gradients", "optimizer state"});
  for (const LedgerPhase& phase : picture.ledger.phases) {
    table.add(phase_row(phase));
    if (!phase.blocked_by.empty())
      blocked +=
          concat(blocked.empty() ? "" : " ", "In updates ", updates_text(phase), " gradients flow down to ",
                 phase.blocked_by, ", through the frozen layers above it.");
  }
  if (table.empty()) return soft("There is no ledger of what an update costs.");
  return table.html(false) + (blocked.empty() ? "" : soft(blocked));
}

}  // namespace thaw::report
