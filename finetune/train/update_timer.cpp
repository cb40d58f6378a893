#include "finetune/train/update_timer.h"

#include <algorithm>
#include <cmath>

#include "finetune/common/clock.h"
#include "finetune/common/statistics.h"
#include "finetune/plan/adapters.h"
#include "finetune/train/prefix_setup.h"
#include "nn/models/registry.h"

namespace thaw {
namespace {

constexpr std::int64_t kMostTimed = 1000;
constexpr std::int64_t kObserved = 3;
constexpr double kLeast = 0.05;  // seconds, however short the run: the first milliseconds are slower

void scale(std::vector<UpdateTimes::Sections>& values, double by) {
  for (auto& of_group : values)
    for (double& value : of_group) value *= by;
}

// The mean, without those that took twice as long as most: somebody else had the processor.
double typical(std::vector<double> seconds) {
  const double most = 2 * median(seconds);
  std::erase_if(seconds, [most](double value) { return value > most; });
  return mean(seconds);
}

}  // namespace

UpdateTimer::UpdateTimer(const Config& config, const RunSetup& setup, const Dataset& train)
    : config_(config), setup_(setup), train_(train), batches_(setup.batches) {
  model_ = make_model(setup.model_config, {.seed = config.train.seed});
  if (setup.strategy.adapters) attach_adapters(*model_, *setup.strategy.adapters, config.train.seed);
  model_->train();
  apply_no_decay(config.train, *model_);
  if (setup.strategy.l2_sp) penalty_.emplace(*model_, *setup.strategy.l2_sp);
  optimizer_ = make_optimizer(config.train, *model_);
  loss_ = loss_options(config, train);
  mean_length_ = static_cast<double>(total_length(*train.inputs)) / static_cast<double>(train.size());
}

std::optional<UpdateTimes> UpdateTimer::time(const LedgerPhase& row, const Triggers& triggers, double seconds,
                                             double share, const StopToken* stop) {
  apply_plan(*model_, setup_.plan, row.begin, triggers);
  model_->recompute(row.recomputed);
  UpdateTimes times;
  const std::unique_ptr<PrefixStore> store = prefix_store_in_memory(config_.train, {});
  const std::unique_ptr<PrefixCache> cache = cache_for(row, store.get());
  const auto start = Clock::now();
  if (cache != nullptr) cache->hash_samples(train_);
  times.hash_seconds = seconds_since(start);

  const std::int64_t epoch = batches_.updates_per_epoch();
  const auto in_phase =
      static_cast<double>(batches_.samples_before(row.end) - batches_.samples_before(row.begin));
  std::vector<double> of_updates, of_fills;
  double first = 0;
  for (std::int64_t i = 0; i < kMostTimed; ++i) {
    if (stop_requested(stop)) return std::nullopt;
    if (!of_updates.empty() &&
        seconds_since(start) > std::min(seconds, std::max(kLeast, share * in_phase * typical(of_updates))))
      break;
    // A partial update is not like the others.
    if (batches_.samples(i) < batches_.samples(0)) continue;
    const Update now = update(i);
    const double samples = mean_samples(now);
    const double filled = cache != nullptr ? cache->training().spent_seconds : 0;
    const double taken = run(now, cache.get());
    if (i == 0) first = taken;
    if (cache == nullptr) {
      if (i > 0) of_updates.push_back(taken / samples);
      continue;
    }
    if (i < epoch) of_fills.push_back((cache->training().spent_seconds - filled) / samples);
    of_updates.push_back(run(now, cache.get()) / samples);
  }
  times.seconds = typical(of_updates);
  if (!of_fills.empty()) times.fill_seconds = typical(of_fills);
  times.start_up = std::max(first - mean_samples(update(0)) * (times.seconds + times.fill_seconds), 0.0);
  // Where even the few updates took too long, no more of them.
  observe(cache.get(), times, seconds_since(start) > seconds ? 1 : kObserved);
  optimizer_->clear_grad();
  return times;
}

std::unique_ptr<PrefixCache> UpdateTimer::cache_for(const LedgerPhase& row, PrefixStore* store) const {
  if (store == nullptr || row.prefix.training.stages == 0) return nullptr;
  const std::string network = network_text(setup_.model_config, setup_.strategy.adapters);
  auto cache = std::make_unique<PrefixCache>(*model_, network, config_.model.from, *store);
  cache->use(row.prefix.training, {});
  return cache;
}

Update UpdateTimer::update(std::int64_t number) {
  return {batches_.update(number), config_.train.seed, number};
}

// Seconds of a whole update, as Trainer times it.
double UpdateTimer::run(const Update& update, PrefixCache* cache) {
  const auto start = Clock::now();
  forward_backward(*model_, train_, update, loss_, penalty_ ? &*penalty_ : nullptr, cache);
  finish_gradients(config_.train, *optimizer_);
  optimizer_->step(0);
  optimizer_->clear_grad();
  return seconds_since(start);
}

// The kernels of some updates, as long as they are when nobody observes.
void UpdateTimer::observe(PrefixCache* cache, UpdateTimes& times, std::int64_t updates) {
  double samples = 0, seconds = 0;
  const StepObserver observer(*model_);
  for (std::int64_t i = 0; i < updates; ++i) {
    const Update now = update(i % batches_.updates_per_epoch());
    samples += mean_samples(now);
    seconds += run(now, cache);
  }
  const StepCost cost = observer.finish(kCpu);
  times.flops = cost.group_flops;
  times.kernel_seconds = cost.group_seconds;
  scale(times.flops, 1 / samples);
  scale(times.kernel_seconds, times.seconds / seconds);
}

// How many samples of mean length are as long together.
double UpdateTimer::mean_samples(const Update& update) const {
  double length = 0;
  for (const auto& rows : update.rows)
    length += static_cast<double>(shape_of_batch(*train_.inputs, rows).total);
  return length / mean_length_;
}

}  // namespace thaw
