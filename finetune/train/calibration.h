// Calibration: how long the updates of a run take on this machine. A few updates of each phase are timed; a phase that was
// not tried, for want of time, is priced by what its groups took per FLOP in others.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "finetune/train/update_timer.h"

namespace thaw {

class Calibration {
 public:
  // When it has seen enough. It begins with the phase that has the most work, and tries no other whose few updates would
  // not fit into what is left.
  struct Limits {
    double seconds = 10;
    double share_of_run =
        1;  // of the training seconds that it predicts; where a few updates are more, it tries nothing
  };
  // For runs of this strategy on these samples, of whatever length. A request to stop ends it early.
  Calibration(const Config& config, const RunSetup& setup, const Dataset& train, const Limits& limits,
              const StopToken* stop = nullptr);

  // Fills in the predicted seconds of such a run's ledger; leaves them 0 where nothing was timed.
  void price(Ledger& ledger, const ResolvedPlan& plan) const;

 private:
  // What decides how long an update takes: the parameters that are trained, the stages that come from the cache, and the
  // groups that are computed twice.
  using UpdateKind = std::tuple<std::vector<bool>, int, std::vector<int>>;

  static UpdateKind kind_of(const LedgerPhase& row, const ResolvedPlan& plan);
  void add(const UpdateKind& kind, const UpdateTimes& times);
  UpdateTimes estimate(const LedgerPhase& row) const;

  BatchPlan batches_;
  std::map<UpdateKind, UpdateTimes> timed_;
  UpdateTimes all_;  // summed, for estimates
};

}  // namespace thaw
