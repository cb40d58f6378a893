// Calibration: how long the updates of a run take on this machine. It trains a few of each phase on the run's own samples,
// with drawn weights, for no update's time depends on values. A phase that was not tried, for want of time, is priced by
// what its groups took per FLOP in others.
#pragma once

#include <array>
#include <map>
#include <tuple>
#include <vector>

#include "finetune/common/stop.h"
#include "finetune/config/config.h"
#include "finetune/data/dataset.h"
#include "finetune/plan/plan.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_setup.h"

namespace thaw {

class Calibration {
 public:
  // When it has seen enough. It tries one phase at least, the one with the most work.
  struct Limits {
    double seconds = 10;
    double share_of_run = 1;  // of the training seconds that it predicts
  };
  // For runs of this strategy on these samples, of whatever length. A request to stop ends it early.
  Calibration(const Config& config, const RunSetup& setup, const Dataset& train, const Limits& limits,
              const StopToken* stop = nullptr);

  // Fills in the predicted seconds of such a run's ledger.
  void price(Ledger& ledger, const ResolvedPlan& plan) const;
  double seconds() const { return seconds_; }  // that it took

 private:
  // What decides how long an update takes: the parameters that are trained, the stages that come from the cache, and the
  // groups that are computed twice.
  using Kind = std::tuple<std::vector<bool>, int, std::vector<int>>;
  using Sections = std::array<double, kSections>;
  // Of a sample of mean length.
  struct Timed {
    double seconds = 0;                           // of its share of an update
    double computing = 0;                         // seconds of its entry in the prefix cache
    double once = 0;                              // seconds, as the phase begins
    std::vector<Sections> flops, kernel_seconds;  // of its share of an update, by group
  };
  class Rehearsal;

  static Kind kind_of(const LedgerPhase& row, const ResolvedPlan& plan);
  void add(const Kind& kind, const Timed& timed);
  Timed estimate(const LedgerPhase& row) const;

  BatchPlan batches_;
  std::map<Kind, Timed> timed_;
  Timed all_;                   // summed, for estimates
  double hashing_seconds_ = 0;  // of all samples, for the cache
  double seconds_ = 0;
};

}  // namespace thaw
