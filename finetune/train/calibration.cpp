#include "finetune/train/calibration.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <set>

#include "finetune/cache/prefix_cache.h"
#include "finetune/common/clock.h"
#include "finetune/common/statistics.h"
#include "finetune/plan/adapters.h"
#include "finetune/train/prefix_setup.h"
#include "finetune/train/step.h"
#include "nn/models/registry.h"

namespace thaw {
namespace {

// Updates are tried for so long, shared by the kinds, within these bounds for each.
constexpr double kSeconds = 4, kSecondsOfKind = 0.3;
constexpr std::int64_t kFewest = 2, kMost = 1000;  // beside the first, which warms up

double sum_of(const std::vector<std::array<double, kSections>>& values) {
  double total = 0;
  for (const auto& of_group : values) total = std::accumulate(of_group.begin(), of_group.end(), total);
  return total;
}

void add_to(std::vector<std::array<double, kSections>>& sums,
            const std::vector<std::array<double, kSections>>& values) {
  sums.resize(values.size());
  for (std::size_t g = 0; g < values.size(); ++g)
    for (std::size_t s = 0; s < kSections; ++s) sums[g][s] += values[g][s];
}

// Their mean, without those that took twice as long as most: somebody else had the processor.
double typical(std::vector<double> seconds) {
  const double most = 2 * median(seconds);
  std::erase_if(seconds, [most](double value) { return value > most; });
  return mean(seconds);
}

void scale(std::vector<std::array<double, kSections>>& values, double by) {
  for (auto& of_group : values)
    for (double& value : of_group) value *= by;
}

}  // namespace

// The run's model with drawn weights, which updates with a learning rate of 0 leave as they are.
class Calibration::Rehearsal {
 public:
  struct Share {
    double seconds, of_phase;
  };

  Rehearsal(const Config& config, const RunSetup& setup, const Dataset& train)
      : config_(config), setup_(setup), train_(train), batches_(setup.batches) {
    model_ = make_model(setup.model_config, {.seed = config.train.seed});
    if (setup.strategy.adapters) attach_adapters(*model_, *setup.strategy.adapters, config.train.seed);
    model_->train();
    apply_no_decay(config.train, *model_);
    if (setup.strategy.l2_sp) penalty_.emplace(*model_, *setup.strategy.l2_sp);
    optimizer_ = make_optimizer(config.train, *model_);
    loss_ = loss_options(config, train);
    double length = 0;
    for (std::int64_t row = 0; row < train.size(); ++row)
      length += static_cast<double>(train.inputs->length(row));
    mean_length_ = length / static_cast<double>(train.size());
  }

  // Tries updates for `share.seconds`, or until they are so large a part of the phase's.
  Timed time(const LedgerPhase& row, const Share& share, const StopToken* stop) {
    apply_plan(*model_, setup_.plan, row.begin, {});
    model_->recompute(row.recomputed);
    const std::unique_ptr<PrefixStore> store = prefix_store_in_memory(config_.train, {});
    std::unique_ptr<PrefixCache> cache;
    if (store != nullptr && row.prefix.training.stages > 0) {
      const std::string network = network_text(setup_.model_config, setup_.strategy.adapters);
      cache = std::make_unique<PrefixCache>(*model_, network, config_.model.from, *store);
      cache->use(row.prefix.training, {});
      const auto start = Clock::now();
      cache->know(train_);
      hashing_seconds = seconds_since(start);
    }
    Timed timed = time_updates(row, cache.get(), share, stop);
    optimizer_->clear_grad();
    return timed;
  }

  double hashing_seconds = 0;  // of the samples, for the cache

 private:
  Timed time_updates(const LedgerPhase& row, PrefixCache* cache, const Share& share, const StopToken* stop) {
    const auto start = Clock::now();
    const std::int64_t epoch = batches_.updates_per_epoch();
    Timed timed;
    std::vector<double> seconds, computing;  // of a sample of mean length
    double first = 0, samples_of_first = 1;
    for (std::int64_t i = 0; i <= kMost && !stop_requested(stop); ++i) {
      if (i > kFewest &&
          seconds_since(start) > std::min(share.seconds, share.of_phase * samples_of(row) * mean(seconds)))
        break;
      const std::int64_t number = i % epoch;
      // A partial update is not like the others.
      if (batches_.samples(number) < batches_.samples(0)) continue;
      const Update update{batches_.update(number), config_.train.seed, number};
      const double samples = mean_samples(update);
      const double as_it_comes = run(update, cache);
      if (i == 0) {
        first = as_it_comes;
        samples_of_first = samples;
      }
      if (cache == nullptr) {
        if (i > 0 || epoch == 1) seconds.push_back(as_it_comes / samples);
        continue;
      }
      const double from_cache = run(update, cache);
      seconds.push_back(from_cache / samples);
      if (i > 0 && i < epoch) computing.push_back((as_it_comes - from_cache) / samples);
    }
    if (seconds.empty()) return timed;
    timed.seconds = typical(seconds);
    if (cache != nullptr)
      timed.computing =
          std::max(computing.empty() ? first / samples_of_first - timed.seconds : typical(computing), 0.0);
    timed.once = std::max(first - samples_of_first * (timed.seconds + timed.computing), 0.0);
    observe(cache, timed);
    return timed;
  }

  // Seconds of a whole update, as Trainer times it.
  double run(const Update& update, PrefixCache* cache) {
    const auto start = Clock::now();
    forward_backward(*model_, train_, update, loss_, penalty_ ? &*penalty_ : nullptr, cache);
    if (config_.train.clip_norm > 0)
      clip_gradients(optimizer_->parameters(), config_.train.clip_norm);
    else if (config_.train.nan != NanAction::stop)
      gradient_norm(optimizer_->parameters());
    optimizer_->step(0);
    optimizer_->clear_grad();
    return seconds_since(start);
  }

  // Its kernels, of some updates; they take no longer than the whole.
  void observe(PrefixCache* cache, Timed& timed) {
    double samples = 0;
    const StepObserver observer(*model_);
    for (std::int64_t i = 0; i <= kFewest; ++i) {
      const Update update{batches_.update(i % batches_.updates_per_epoch()), config_.train.seed, i};
      samples += mean_samples(update);
      run(update, cache);
    }
    const StepCost cost = observer.finish(kCpu);
    timed.flops = cost.group_flops;
    timed.kernel_seconds = cost.group_seconds;
    scale(timed.flops, 1 / samples);
    scale(timed.kernel_seconds, std::min(1 / samples, timed.seconds / sum_of(timed.kernel_seconds)));
  }

  double samples_of(const LedgerPhase& row) const {
    return static_cast<double>(batches_.samples_before(row.end) - batches_.samples_before(row.begin));
  }

  // How many samples of mean length are as long together.
  double mean_samples(const Update& update) const {
    double length = 0;
    for (const auto& rows : update.rows)
      for (const std::int64_t row : rows) length += static_cast<double>(train_.inputs->length(row));
    return length / mean_length_;
  }

  const Config& config_;
  const RunSetup& setup_;
  const Dataset& train_;
  BatchPlan batches_;
  std::unique_ptr<Model> model_;
  std::optional<L2SpPenalty> penalty_;
  std::unique_ptr<Optimizer> optimizer_;
  LossOptions loss_;
  double mean_length_ = 1;
};

Calibration::Calibration(const Config& config, const RunSetup& setup, const Dataset& train,
                         const Limits& limits, const StopToken* stop)
    : batches_(setup.batches) {
  const auto start = Clock::now();
  Ledger ledger = setup.predicted(config, train);
  // The most work first.
  const auto work = [&](const LedgerPhase& row) { return flops_of(row, batches_, row.end); };
  std::vector<LedgerPhase> rows = ledger.phases;
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const LedgerPhase& a, const LedgerPhase& b) { return work(a) > work(b); });
  std::set<Kind> kinds;
  for (const LedgerPhase& row : rows) kinds.insert(kind_of(row, setup.plan));
  const double in_all = std::min(kSeconds, limits.seconds);
  const double of_kind =
      std::max(std::min(kSecondsOfKind, in_all), in_all / static_cast<double>(kinds.size()));
  const Rehearsal::Share share{of_kind, limits.share_of_run};
  Rehearsal rehearsal(config, setup, train);
  for (const LedgerPhase& row : rows) {
    if (timed_.contains(kind_of(row, setup.plan))) continue;
    add(kind_of(row, setup.plan), rehearsal.time(row, share, stop));
    hashing_seconds_ = rehearsal.hashing_seconds;
    seconds_ = seconds_since(start);
    price(ledger, setup.plan);
    double of_run = 0;
    for (const LedgerPhase& phase : ledger.phases) of_run += phase.predicted_seconds;
    if (stop_requested(stop) || seconds_ > std::min(limits.seconds, limits.share_of_run * of_run)) return;
  }
}

Calibration::Kind Calibration::kind_of(const LedgerPhase& row, const ResolvedPlan& plan) {
  return {plan.phases()[static_cast<std::size_t>(row.phase)].trainable, row.prefix.training.stages,
          row.recomputed};
}

void Calibration::add(const Kind& kind, const Timed& timed) {
  timed_.emplace(kind, timed);
  all_.seconds += timed.seconds;
  add_to(all_.flops, timed.flops);
  add_to(all_.kernel_seconds, timed.kernel_seconds);
}

// Kernels as long per FLOP as in other phases, and as much between them.
Calibration::Timed Calibration::estimate(const LedgerPhase& row) const {
  Timed timed;
  timed.flops = timed.kernel_seconds = row.predicted.group_flops;
  const double samples = static_cast<double>(batches_.samples(0));
  for (std::size_t g = 0; g < timed.flops.size(); ++g)
    for (std::size_t s = 0; s < kSections; ++s) {
      double flops = all_.flops[g][s], seconds = all_.kernel_seconds[g][s];
      if (flops == 0)  // the group had no such work
        for (std::size_t other = 0; other < timed.flops.size(); ++other)
          flops += all_.flops[other][s], seconds += all_.kernel_seconds[other][s];
      timed.flops[g][s] /= samples;
      timed.kernel_seconds[g][s] = flops > 0 ? timed.flops[g][s] * seconds / flops : 0;
    }
  const double kernels = sum_of(all_.kernel_seconds);
  if (kernels > 0) timed.seconds = sum_of(timed.kernel_seconds) * all_.seconds / kernels;
  const double flops = sum_of(all_.flops);
  if (flops > 0) timed.computing = row.prefix.flops * all_.seconds / flops;
  return timed;
}

void Calibration::price(Ledger& ledger, const ResolvedPlan& plan) const {
  bool hashed = false;
  for (LedgerPhase& row : ledger.phases) {
    const auto found = timed_.find(kind_of(row, plan));
    const Timed timed = found != timed_.end() ? found->second : estimate(row);
    const double samples = static_cast<double>(batches_.samples(0));
    StepCost& cost = row.predicted;
    cost.update_seconds = timed.seconds * samples;
    cost.group_seconds = timed.kernel_seconds;
    scale(cost.group_seconds, samples);
    cost.seconds = {};
    for (const Sections& of_group : cost.group_seconds)
      for (std::size_t s = 0; s < kSections; ++s) cost.seconds[s] += of_group[s];
    row.prefix.seconds = timed.computing;
    const auto all =
        static_cast<double>(batches_.samples_before(row.end) - batches_.samples_before(row.begin));
    row.predicted_seconds =
        all * timed.seconds + static_cast<double>(row.prefix.computed) * timed.computing + timed.once;
    if (row.prefix.training.stages == 0 || hashed) continue;
    row.predicted_seconds += hashing_seconds_;
    hashed = true;
  }
}

}  // namespace thaw
