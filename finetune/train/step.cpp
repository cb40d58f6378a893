#include "finetune/train/step.h"

#include <cmath>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/plan/selector.h"
#include "finetune/task/class_weight.h"
#include "nn/layers/dropout.h"
#include "nn/layers/norm.h"
#include "nn/optim/adamw.h"
#include "nn/optim/sgd.h"

namespace thaw {

std::vector<bool> frozen_groups(const Model& model) {
  std::vector<bool> frozen(model.groups().size(), true);
  for (const ParameterPtr& parameter : model.parameters())
    if (parameter->requires_grad()) frozen[static_cast<std::size_t>(parameter->group)] = false;
  return frozen;
}

std::vector<bool> trainable_flags(const Model& model) {
  std::vector<bool> flags;
  for (const ParameterPtr& parameter : model.parameters()) flags.push_back(parameter->requires_grad());
  return flags;
}

void apply_state_policy(Optimizer& optimizer, const std::vector<bool>& before, StatePolicy policy) {
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Parameter& parameter = *optimizer.parameters()[i];
    if (parameter.requires_grad() != before[i]) optimizer.apply_policy(parameter, policy);
  }
}

void apply_plan(Model& model, const ResolvedPlan& plan, std::int64_t completed, const Triggers& triggers) {
  const std::vector<ParameterState> states = plan.state_at(completed, triggers);
  const std::vector<ParameterPtr> parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i]->set_requires_grad(states[i].trainable);
    parameters[i]->lr_mult = states[i].lr_mult;
  }
  const auto& phase = plan.phases()[static_cast<std::size_t>(plan.phase_at(completed, triggers))];
  const std::vector<bool> frozen = frozen_groups(model);
  for (Module* module : model.modules()) {
    const int group = model.group_of(module->path());
    const bool still = group >= 0 && frozen[static_cast<std::size_t>(group)];
    if (auto* norm = dynamic_cast<BatchNorm*>(module)) {
      const bool live = !still || phase.frozen_norm == FrozenNorm::batch;
      norm->set_update_statistics(live);
      norm->set_batch_statistics(live);
    } else if (auto* dropout = dynamic_cast<Dropout*>(module)) {
      dropout->set_active(!still || phase.frozen_dropout == FrozenDropout::keep);
    }
  }
}

L2SpPenalty::L2SpPenalty(const Model& model, const L2SpSpec& spec) : spec_(spec) {
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : model.parameters())
    start_.push_back(parameter->group == model.head() ? Tensor() : parameter->tensor.clone());
}

Tensor L2SpPenalty::operator()(const Model& model) const {
  const std::vector<ParameterPtr> parameters = model.parameters();
  Tensor total;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i]->requires_grad()) continue;
    const Tensor& w = parameters[i]->tensor;
    const Tensor& start = start_[i];
    const Tensor term =
        start.defined() ? sum(square(w - start)) * (spec_.alpha / 2) : sum(square(w)) * (spec_.beta / 2);
    total = total.defined() ? total + term : term;
  }
  return total;
}

LossOptions loss_options(const Config& config, const Dataset& train, Device device) {
  LossOptions options{&find_task(config.data.task), config.train.label_smoothing};
  const std::vector<double> weights = class_weights(config.train.class_weight, train);
  if (weights.empty()) return options;
  options.weight_of_class = weights;
  const Shape shape{static_cast<std::int64_t>(weights.size())};
  options.class_weight =
      device.kind == DeviceKind::meta ? empty(shape, {DType::f32, device}) : from_vector(weights, shape);
  return options;
}

Tensor forward_backward(Model& model, const Batch& batch, const LossOptions& options, double weight,
                        const L2SpPenalty* penalty) {
  return backward_from(model.forward(batch.x), model, batch, options, weight, penalty);
}

Tensor backward_from(const Tensor& outputs, const Model& model, const Batch& batch,
                     const LossOptions& options, double weight, const L2SpPenalty* penalty) {
  const Tensor loss = options.task->loss(outputs, batch, options);
  Tensor objective = loss;
  if (penalty != nullptr)
    if (const Tensor term = (*penalty)(model); term.defined()) objective = objective + term;
  if (needs_grad(objective)) (weight == 1.0 ? objective : objective * weight).backward();
  return loss.detach();
}

double forward_backward(Model& model, const Dataset& train, const Update& update, LossOptions options,
                        const L2SpPenalty* penalty, PrefixCache* cache) {
  if (!options.weight_of_class.empty())
    options.mean_weight = mean_weight(options.weight_of_class, train, update.rows);
  std::size_t samples = 0;
  for (const auto& rows : update.rows) samples += rows.size();
  double loss = 0;
  for (std::size_t m = 0; m < update.rows.size(); ++m) {
    const std::vector<std::int64_t>& rows = update.rows[m];
    const Batch batch = without_input(train, rows);
    const RandomScope random({update.seed, update.number, static_cast<std::int64_t>(m), batch.ids});
    const double weight = static_cast<double>(batch.size()) / static_cast<double>(samples);
    const Tensor outputs =
        cache != nullptr ? cache->forward(train, rows) : model.forward(training_input_of(train, rows));
    loss += weight * backward_from(outputs, model, batch, options, weight, penalty).item();
  }
  return options.task->loss_in_own_unit(loss, train);
}

double finish_gradients(const TrainSection& train, const Optimizer& optimizer) {
  if (train.clip_norm > 0) return clip_gradients(optimizer.parameters(), train.clip_norm);
  return train.nan != NanAction::stop ? gradient_norm(optimizer.parameters()) : 0;
}

std::unique_ptr<Optimizer> make_optimizer(const TrainSection& train, const Model& model) {
  if (train.optimizer == OptimizerKind::sgd)
    return std::make_unique<Sgd>(
        model.parameters(), SgdOptions{train.momentum, train.dampening, train.weight_decay, train.nesterov});
  return std::make_unique<AdamW>(model.parameters(),
                                 AdamWOptions{train.beta1, train.beta2, train.eps, train.weight_decay});
}

void apply_no_decay(const TrainSection& train, Model& model) {
  if (train.no_decay.empty()) return;
  const std::vector<bool> selected = select_parameters(train.no_decay, describe(model), "train.no_decay");
  const std::vector<ParameterPtr> parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i]->weight_decay = !selected[i];
}

BatchPlan make_batches(const TrainSection& train, std::int64_t samples) {
  return {samples, train.batch_size, train.accumulation, train.shuffle, train.seed};
}

Schedule make_schedule(const TrainSection& train, const Strategy& strategy, std::int64_t total) {
  Schedule schedule;
  schedule.kind = train.schedule.value_or(strategy.schedule.value_or(ScheduleKind::constant));
  schedule.warmup_steps = train.warmup_steps;
  if (train.warmup_fraction > 0)
    schedule.warmup_steps =
        static_cast<std::int64_t>(std::ceil(train.warmup_fraction * static_cast<double>(total)));
  return schedule;
}

std::int64_t total_updates(const TrainSection& train, std::int64_t updates_per_epoch) {
  const double updates = train.steps > 0
                             ? static_cast<double>(train.steps)
                             : std::ceil(train.epochs * static_cast<double>(updates_per_epoch) - 1e-9);
  if (updates > static_cast<double>(kMostUpdates))
    fail_input("the run would have ", updates, " updates (train.epochs, train.steps); use at most ",
               kMostUpdates);
  return static_cast<std::int64_t>(updates);
}

}  // namespace thaw
