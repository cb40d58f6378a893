// The ledger as a table: what each phase trains and what an update costs there, relative to training
// everything.
#include <algorithm>

#include "finetune/ledger.h"
#include "finetune/units.h"

namespace thaw {
namespace {

using Row = std::vector<std::string>;

constexpr const char* kColumns[] = {"phase", "updates", "trains", "forward",   "dX",   "dW",
                                    "step",  "work",    "saved",  "gradients", "state"};

// FLOPs relative to training everything, or themselves where that is not known.
std::string work_text(double flops, const StepCost* everything) {
  if (everything == nullptr) return flops_text(flops);
  return percent_text(flops / std::max(everything->total_flops(), 1.0));
}

Row row_of(const LedgerPhase& phase, const StepCost* everything) {
  const StepCost& cost = phase.predicted;
  Row row = {std::to_string(phase.phase + 1), concat(phase.begin + 1, "-", phase.end),
             percent_text(static_cast<double>(phase.trainable) /
                          static_cast<double>(std::max<std::int64_t>(phase.parameters, 1)))};
  for (const double flops : cost.flops) row.push_back(work_text(flops, everything));
  row.push_back(work_text(cost.total_flops(), everything));
  for (const std::int64_t bytes : {cost.saved_bytes, cost.gradient_bytes, cost.optimizer_bytes})
    row.push_back(bytes_text(static_cast<double>(bytes)));
  return row;
}

std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      text.append(widths[i] - row[i].size() + (i == 0 ? 0 : 2), ' ').append(row[i]);
    text += '\n';
  }
  return text;
}

}  // namespace

std::string ledger_text(const Ledger& ledger, const StepCost* everything) {
  std::vector<Row> rows = {Row(std::begin(kColumns), std::end(kColumns))};
  for (const LedgerPhase& phase : ledger.phases) rows.push_back(row_of(phase, everything));
  std::string text = "Cost of one update, predicted";
  if (everything != nullptr)
    text.append("; work relative to training everything, ").append(flops_text(everything->total_flops()));
  text.append("\n").append(aligned(rows));
  for (const LedgerPhase& phase : ledger.phases)
    if (!phase.blocked_by.empty())
      text += concat("phase ", phase.phase + 1, ": ", phase.blocked_by,
                     " is trained, so backward passes through the frozen parts above it\n");
  return text;
}

}  // namespace thaw
