// The ledger as a table: what each phase trains and what an update costs there, relative to training
// everything.
#include <algorithm>

#include "finetune/ledger.h"
#include "finetune/text_table.h"
#include "finetune/units.h"

namespace thaw {
namespace {

constexpr const char* kColumns[] = {"phase", "updates", "trains", "forward",   "dX",   "dW",
                                    "step",  "work",    "saved",  "gradients", "state"};

// FLOPs relative to training everything, or themselves where that is not known.
std::string work_text(double flops, const StepCost* everything) {
  if (everything == nullptr) return flops_text(flops);
  return percent_text(flops / std::max(everything->total_flops(), 1.0));
}

TextRow row_of(const LedgerPhase& phase, const StepCost* everything) {
  const StepCost& cost = phase.predicted;
  TextRow row = {std::to_string(phase.phase + 1), concat(phase.begin + 1, "-", phase.end),
                 percent_text(static_cast<double>(phase.trainable) /
                              static_cast<double>(std::max<std::int64_t>(phase.parameters, 1)))};
  for (const double flops : cost.flops) row.push_back(work_text(flops, everything));
  row.push_back(work_text(cost.total_flops(), everything));
  for (const std::int64_t bytes : {cost.saved_bytes, cost.gradient_bytes, cost.optimizer_bytes})
    row.push_back(bytes_text(static_cast<double>(bytes)));
  return row;
}

}  // namespace

std::string ledger_text(const Ledger& ledger, const StepCost* everything) {
  std::vector<TextRow> rows = {TextRow(std::begin(kColumns), std::end(kColumns))};
  for (const LedgerPhase& phase : ledger.phases) rows.push_back(row_of(phase, everything));
  std::string text = "Cost of one update, predicted";
  if (everything != nullptr)
    text.append("; work relative to training everything, ").append(flops_text(everything->total_flops()));
  text.append("\n").append(text_table(rows, Align::right));
  for (const LedgerPhase& phase : ledger.phases)
    if (!phase.blocked_by.empty())
      text += concat("phase ", phase.phase + 1, ": ", phase.blocked_by,
                     " is trained, so backward passes through the frozen parts above it\n");
  return text;
}

}  // namespace thaw
