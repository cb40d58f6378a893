// MetaRun: a run's updates on the meta device, where kernels count FLOPs and bytes instead of computing. One model and one
// optimizer go through the phases in order, so that state which an earlier phase left behind is counted too.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "finetune/train/ledger.h"
#include "finetune/train/step.h"

namespace thaw {

class MetaRun {
 public:
  // `model`: on the meta device, with the strategy's adapters.
  MetaRun(const Config& config, Model& model, const Strategy& strategy, const ResolvedPlan& plan,
          const Dataset& data);

  // Fills in what updates in the middle of the row's phase cost, which take from the prefix cache what row.prefix says.
  // Chooses the groups that are computed again in backward. InputError where not even that meets train.memory.
  void predict(LedgerPhase& row, const Triggers& triggers);
  // Then: the same update if the parameter's group were frozen too.
  StepCost without_group_of(const std::string& parameter, const LedgerPhase& row);

 private:
  using MicroBatches = std::vector<Batch>;  // of an update

  Batch longest_batch() const;
  StepCost choose_recomputed(LedgerPhase& row, int stages);
  std::vector<int> groups_by_gain(int stages, const StepCost& without);
  std::int64_t observed_update(const LedgerPhase& row) const;
  MicroBatches update_of(std::int64_t number);
  StepCost cost_of(const MicroBatches& update, int stages);
  void run(const MicroBatches& update, int stages);
  ModelState state_after(const Batch& batch, int stages);

  const Config& config_;
  const ResolvedPlan& plan_;
  Model& model_;
  const Dataset& data_;
  BatchPlan batches_;
  std::optional<L2SpPenalty> penalty_;
  std::unique_ptr<Optimizer> optimizer_;
  LossOptions loss_;
  MicroBatches mean_, longest_;    // the latter of the samples that take most
  bool has_lengths_;               // batches of as many samples differ
  std::int64_t bytes_before_ = 0;  // any update
};

}  // namespace thaw
