#include "finetune/train/calibration.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "finetune/common/clock.h"

namespace thaw {
namespace {

// Updates are timed for so long, shared by the kinds, and each kind for so long at least.
constexpr double kSeconds = 4, kSecondsOfKind = 0.3;
// Of a kind that are run at least, one of them to warm up.
constexpr double kFewest = 3;

double sum_of(const std::vector<UpdateTimes::Sections>& values) {
  double total = 0;
  for (const auto& of_group : values) total = std::accumulate(of_group.begin(), of_group.end(), total);
  return total;
}

void add_to(std::vector<UpdateTimes::Sections>& sums, const std::vector<UpdateTimes::Sections>& values) {
  sums.resize(values.size());
  for (std::size_t g = 0; g < values.size(); ++g)
    for (std::size_t s = 0; s < kSections; ++s) sums[g][s] += values[g][s];
}

}  // namespace

Calibration::Calibration(const Config& config, const RunSetup& setup, const Dataset& train,
                         const Limits& limits, const StopToken* stop)
    : batches_(setup.batches) {
  const auto start = Clock::now();
  Ledger ledger = setup.predicted(config, train);
  // The most work first.
  const auto work = [&](const LedgerPhase& row) { return flops_of(row, batches_, row.end); };
  // Phases behind plateaus too, whenever they come.
  const Triggers plateaus = setup.plan.plateaus_at_once();
  std::vector<LedgerPhase> rows =
      plateaus.empty() ? ledger.phases : setup.predicted(config, train, plateaus).phases;
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const LedgerPhase& a, const LedgerPhase& b) { return work(a) > work(b); });
  if (rows.empty() || kFewest > limits.share_of_run * static_cast<double>(setup.plan.run().total_updates))
    return;
  std::set<UpdateKind> kinds;
  for (const LedgerPhase& row : rows) kinds.insert(kind_of(row, setup.plan));
  const double in_all = std::min(kSeconds, limits.seconds);
  const double of_kind =
      std::max(std::min(kSecondsOfKind, in_all), in_all / static_cast<double>(kinds.size()));
  UpdateTimer timer(config, setup, train);
  double left = limits.seconds;
  for (const LedgerPhase& row : rows) {
    const UpdateKind kind = kind_of(row, setup.plan);
    if (timed_.contains(kind)) continue;
    const double twice = std::get<1>(kind) > 0 ? 2 : 1;  // what comes from the cache is filled first
    const double update = estimate(row).seconds * static_cast<double>(batches_.samples(0));
    if (!timed_.empty() && kFewest * twice * update > left) continue;
    const std::optional<UpdateTimes> times = timer.time(row, plateaus, of_kind, limits.share_of_run, stop);
    if (!times) return;
    add(kind, *times);
    price(ledger, setup.plan);
    left = std::min(limits.seconds, limits.share_of_run * predicted_seconds(ledger)) - seconds_since(start);
    if (left < 0) return;
  }
}

Calibration::UpdateKind Calibration::kind_of(const LedgerPhase& row, const ResolvedPlan& plan) {
  return {plan.phases()[static_cast<std::size_t>(row.phase)].trainable, row.prefix.training.stages,
          row.recomputed};
}

void Calibration::add(const UpdateKind& kind, const UpdateTimes& times) {
  timed_.emplace(kind, times);
  all_.seconds += times.seconds;
  all_.hash_seconds = std::max(all_.hash_seconds, times.hash_seconds);
  add_to(all_.flops, times.flops);
  add_to(all_.kernel_seconds, times.kernel_seconds);
}

// Kernels as long per FLOP as in other phases, and as much between them.
UpdateTimes Calibration::estimate(const LedgerPhase& row) const {
  UpdateTimes times;
  times.flops = times.kernel_seconds = row.predicted.group_flops;
  const auto samples = static_cast<double>(batches_.samples(0));
  for (std::size_t g = 0; g < all_.flops.size(); ++g)
    for (std::size_t s = 0; s < kSections; ++s) {
      double flops = all_.flops[g][s], seconds = all_.kernel_seconds[g][s];
      if (flops == 0)  // the group had no such work
        for (std::size_t other = 0; other < all_.flops.size(); ++other)
          flops += all_.flops[other][s], seconds += all_.kernel_seconds[other][s];
      times.flops[g][s] /= samples;
      times.kernel_seconds[g][s] = flops > 0 ? times.flops[g][s] * seconds / flops : 0;
    }
  const double kernels = sum_of(all_.kernel_seconds), flops = sum_of(all_.flops);
  if (kernels > 0) times.seconds = sum_of(times.kernel_seconds) * all_.seconds / kernels;
  if (flops > 0) times.fill_seconds = row.prefix.flops * all_.seconds / flops;
  return times;
}

void Calibration::price(Ledger& ledger, const ResolvedPlan& plan) const {
  if (timed_.empty()) return;
  double hash_seconds = all_.hash_seconds;
  for (LedgerPhase& row : ledger.phases) {
    const auto found = timed_.find(kind_of(row, plan));
    const UpdateTimes times = found != timed_.end() ? found->second : estimate(row);
    const auto samples = static_cast<double>(batches_.samples(0));
    StepCost& cost = row.predicted;
    cost.update_seconds = times.seconds * samples;
    cost.group_seconds = times.kernel_seconds;
    cost.seconds = {};
    for (UpdateTimes::Sections& of_group : cost.group_seconds)
      for (std::size_t s = 0; s < kSections; ++s) cost.seconds[s] += of_group[s] *= samples;
    row.prefix.seconds = times.fill_seconds;
    const auto all =
        static_cast<double>(batches_.samples_before(row.end) - batches_.samples_before(row.begin));
    row.predicted_seconds =
        all * times.seconds + static_cast<double>(row.prefix.computed) * times.fill_seconds + times.start_up;
    if (row.prefix.training.stages > 0) row.predicted_seconds += std::exchange(hash_seconds, 0);
  }
}

}  // namespace thaw
