// One training step, the same code on the CPU and, for predictions, on the meta device: switches set from a
// plan, loss, backward.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "finetune/cache/prefix_cache.h"
#include "finetune/config/config.h"
#include "finetune/data/batch.h"
#include "finetune/plan/plan.h"
#include "finetune/plan/strategy.h"
#include "finetune/task/task.h"
#include "nn/module.h"
#include "nn/optim/optimizer.h"
#include "nn/optim/schedule.h"

namespace thaw {

// Sets every switch as the plan has it after `completed` updates: requires_grad, lr_mult, and the norm and
// dropout modes of groups with nothing trainable. Optimizer state is not touched.
void apply_plan(Model& model, const ResolvedPlan& plan, std::int64_t completed, const Triggers& triggers);

// requires_grad of each parameter, in the order of parameters().
std::vector<bool> trainable_flags(const Model& model);

// What a phase says about the optimizer state of the parameters that froze or thawed since `before`.
void apply_state_policy(Optimizer& optimizer, const std::vector<bool>& before, StatePolicy policy);

// Groups with no trainable parameter at this moment.
std::vector<bool> frozen_groups(const Model& model);

// The penalty of L2-SP (Li, Grandvalet & Davoine 2018), with w_0 the pretrained weights:
//   alpha / 2 * ||w - w_0||^2   over what was pretrained
//   beta / 2 * ||w||^2          over the head
class L2SpPenalty {
 public:
  L2SpPenalty(const Model& model, const L2SpSpec& spec);
  // Over the trainable parameters; undefined when there are none.
  Tensor operator()(const Model& model) const;

 private:
  L2SpSpec spec_;
  std::vector<Tensor> start_;  // in the order of parameters(); undefined for the head's
};

// As the config says, for the classes of `train`, on the device of the model.
LossOptions loss_options(const Config& config, const Dataset& train, Device device = kCpu);

// Forward and backward of one micro-batch whose share of the update's samples is `weight`; returns the mean
// loss (undefined gradient when nothing is trainable: then only the forward runs).
Tensor forward_backward(Model& model, const Batch& batch, const LossOptions& options, double weight,
                        const L2SpPenalty* penalty);
// The same of what the model gave for the batch.
Tensor backward_from(const Tensor& outputs, const Model& model, const Batch& batch,
                     const LossOptions& options, double weight, const L2SpPenalty* penalty);

// An update: the rows of each of its micro-batches. `seed`, `number` (from 0) and the samples decide what is
// drawn in it, such as dropout.
struct Update {
  std::vector<std::vector<std::int64_t>> rows;
  std::uint64_t seed = 0;
  std::int64_t number = 0;
};
// Forward and backward of all micro-batches: their gradients add up to that of the mean loss, which it
// returns. `cache`: of this model; null: every pass is a whole one.
double forward_backward(Model& model, const Dataset& train, const Update& update, LossOptions options,
                        const L2SpPenalty* penalty, PrefixCache* cache = nullptr);

// Clips the gradients, or looks at them for train.nan. Their norm before; 0 where nobody asks for it.
double finish_gradients(const TrainSection& train, const Optimizer& optimizer);

std::unique_ptr<Optimizer> make_optimizer(const TrainSection& train, const Model& model);
// Marks weight_decay off for what train.no_decay selects.
void apply_no_decay(const TrainSection& train, Model& model);

// The batches of a run on so many samples.
BatchPlan make_batches(const TrainSection& train, std::int64_t samples);
// The schedule of a run: the user's, else the strategy's own, else constant.
Schedule make_schedule(const TrainSection& train, const Strategy& strategy, std::int64_t total_updates);
std::int64_t total_updates(const TrainSection& train, std::int64_t updates_per_epoch);

}  // namespace thaw
