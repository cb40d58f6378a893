// UpdateTimer: times updates of a run's phases, on its own samples, of a model with drawn weights and a learning rate of 0.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "finetune/cache/prefix_cache.h"
#include "finetune/common/stop.h"
#include "finetune/train/run_setup.h"
#include "finetune/train/step.h"

namespace thaw {

// What updates of a phase take, per sample of mean length.
struct UpdateTimes {
  using Sections = std::array<double, kSections>;
  double seconds = 0;                           // of its share of an update
  double fill_seconds = 0;                      // of computing its entry in the prefix cache
  double start_up = 0;                          // seconds, once, as the phase begins
  double hash_seconds = 0;                      // of hashing all samples for the cache, once in a run
  std::vector<Sections> flops, kernel_seconds;  // of its share of an update, by group
};

class UpdateTimer {
 public:
  UpdateTimer(const Config& config, const RunSetup& setup, const Dataset& train);

  // At least the first update, which warms up, and one more; others until `seconds` are over, or `share` of what all of the
  // phase's updates would take. Nothing if a request to stop came first.
  std::optional<UpdateTimes> time(const LedgerPhase& row, const Triggers& triggers, double seconds,
                                  double share, const StopToken* stop);

 private:
  std::unique_ptr<PrefixCache> cache_for(const LedgerPhase& row, PrefixStore* store) const;
  double run(const Update& update, PrefixCache* cache);
  void observe(PrefixCache* cache, UpdateTimes& times, std::int64_t updates);
  double mean_samples(const Update& update) const;
  Update update(std::int64_t number);

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

}  // namespace thaw
