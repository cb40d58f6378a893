// What becomes of a run whose loss, gradients or weights are not finite: train.nan.
#pragma once

#include <functional>
#include <string>

#include "finetune/config/config.h"
#include "finetune/model/snapshot.h"
#include "finetune/train/run_result.h"
#include "nn/module.h"
#include "nn/optim/optimizer.h"

namespace thaw {

class NanPolicy {
 public:
  using Say = std::function<void(const std::string&)>;

  // Counts in result.skipped and result.rollbacks, and tells the user by `say`.
  NanPolicy(const TrainSection& train, Model& model, Optimizer& optimizer, RunResult& result, Say say)
      : action_(train.nan), model_(model), optimizer_(optimizer), result_(result), say_(std::move(say)) {}

  void before_update();
  // Of weights to go back to: as a phase begins and with each checkpoint. An older one would give what has frozen since
  // the weights that it had before.
  void keep_snapshot();

  // An update that has no step: it is skipped, or the weights go back. False: the run has diverged.
  bool pass_over(const std::string& why);
  // Weights that are not finite. False: the run has diverged.
  bool roll_back(const std::string& why);

  const Snapshot& rollback() const { return rollback_; }
  Snapshot& rollback() { return rollback_; }

 private:
  NanAction action_;
  Model& model_;
  Optimizer& optimizer_;
  RunResult& result_;
  Say say_;
  Snapshot buffers_;   // before the update at hand
  Snapshot rollback_;  // empty: none
};

}  // namespace thaw
