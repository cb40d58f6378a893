#include "finetune/report/below_probe.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/statistics.h"
#include "finetune/common/units.h"

namespace thaw {
namespace {

constexpr std::int64_t kFewUpdates = 100;
constexpr std::size_t kLeastSamples = 8;  // of the training loss: two in each quarter of the run
constexpr double kStillFalling = 0.9;     // the last quarter's mean loss over that of the one before
constexpr double kStillHigh = 0.7;        // the last quarter's mean loss over the first sample's
constexpr double kFits = 0.05;            // likewise

// Means of the training loss over the last two quarters of a run, and its first sample.
struct TrainingLoss {
  double first = NAN, before = NAN, last = NAN;
  bool known() const { return std::isfinite(first) && std::isfinite(before) && std::isfinite(last); }
};

TrainingLoss training_loss(const std::string& strategy, const CompareOutcome& outcome) {
  for (const ReportedRun& run : outcome.runs) {
    if (run.strategy != strategy || run.status != RunStatus::ok || run.layer_samples.size() < kLeastSamples)
      continue;
    std::vector<double> losses;
    for (const LayerSample& sample : run.layer_samples) losses.push_back(sample.loss);
    const auto quarter = static_cast<std::ptrdiff_t>(losses.size() / 4);
    const auto mean_of = [](auto begin, auto end) { return mean(std::vector<double>(begin, end)); };
    return {losses.front(), mean_of(losses.end() - 2 * quarter, losses.end() - quarter),
            mean_of(losses.end() - quarter, losses.end())};
  }
  return {};
}

bool fits(const TrainingLoss& loss) { return loss.known() && loss.last < kFits * loss.first; }

void look_at_loss(const TrainingLoss& loss, std::vector<std::string>& reasons) {
  if (!loss.known()) return;
  const std::string last = short_number(loss.last, 2);
  if (loss.last < kStillFalling * loss.before)
    reasons.push_back(concat("its training loss still fell at the end, from ", short_number(loss.before, 2),
                             " to ", last, " in the last quarter: try more epochs"));
  else if (loss.last > kStillHigh * loss.first)
    reasons.push_back(concat("its training loss ", loss.last < loss.first ? "hardly fell" : "did not fall",
                             ", from ", short_number(loss.first, 2), " to ", last,
                             ": try other learning rates (compare.rates)"));
}

void look_at_updates(const std::string& strategy, const CompareOutcome& outcome,
                     std::vector<std::string>& reasons) {
  std::int64_t most = 0;
  for (const ReportedRun& run : outcome.runs)
    if (run.strategy == strategy && run.status == RunStatus::ok) most = std::max(most, run.completed);
  if (most > 0 && most < kFewUpdates)
    reasons.push_back(concat("it had ", most, most == 1 ? " update" : " updates",
                             ": try more epochs, or a smaller batch_size"));
}

void look_at_rates(const std::string& strategy, const CompareOutcome& outcome,
                   std::vector<std::string>& reasons) {
  double low = INFINITY, high = 0, chosen = 0;
  for (const TuningTrial& trial : outcome.trials) {
    if (trial.strategy != strategy) continue;
    low = std::min(low, trial.lr), high = std::max(high, trial.lr);
    if (trial.chosen) chosen = trial.lr;
  }
  if (chosen == 0 || low == high || (chosen != low && chosen != high)) return;
  reasons.push_back(concat("its learning rate ", short_number(chosen, 2), " is the ",
                           chosen == low ? "lowest" : "highest", " that was tried: try ",
                           chosen == low ? "lower" : "higher", " ones (compare.rates)"));
}

}  // namespace

std::vector<std::string> reasons_below_probe(const std::string& strategy, const CompareOutcome& outcome) {
  std::vector<std::string> reasons;
  const TrainingLoss loss = training_loss(strategy, outcome);
  // More updates or other rates are no cure for that.
  if (fits(loss))
    return {concat("its training loss came down to ", short_number(loss.last, 2),
                   ", so it fits what it trains on: try fewer updates, train.restore_best, or more of the "
                   "network frozen")};
  look_at_loss(loss, reasons);
  look_at_updates(strategy, outcome, reasons);
  look_at_rates(strategy, outcome, reasons);
  if (!outcome.tuned) reasons.push_back("one learning rate alone was tried: try several (without --no-tune)");
  return reasons;
}

}  // namespace thaw
