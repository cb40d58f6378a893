#include "finetune/train/meta_run.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "finetune/common/units.h"

namespace thaw {

MetaRun::MetaRun(const Config& config, Model& model, const Strategy& strategy, const ResolvedPlan& plan,
                 const Dataset& data)
    : config_(config),
      plan_(plan),
      model_(model),
      data_(data),
      batches_(make_batches(config.train, data.size())) {
  if (strategy.l2_sp) penalty_.emplace(model, *strategy.l2_sp);
  optimizer_ = make_optimizer(config.train, model);
  loss_ = loss_options(config, data, kMeta);
  const auto& shape = data.inputs->sample_shape();
  has_lengths_ = std::find(shape.begin(), shape.end(), 0) != shape.end();
  // An epoch may have fewer samples than train.accumulation batches.
  const std::int64_t all = batches_.samples(0), size = batches_.batch_size();
  for (std::int64_t begin = 0; begin < all; begin += size)
    mean_.push_back(meta_batch(data, std::min(size, all - begin)));
  // The batch of an update is a part of its peak.
  bytes_before_ = memory::usage(kMeta).total;
  longest_ = has_lengths_ ? MicroBatches(mean_.size(), longest_batch()) : mean_;
  if (!has_lengths_) bytes_before_ -= mean_.front().x.values.bytes();
}

Batch MetaRun::longest_batch() const {
  const Inputs& inputs = *data_.inputs;
  std::vector<std::int64_t> rows(static_cast<std::size_t>(data_.size()));
  std::iota(rows.begin(), rows.end(), 0);
  const auto size = static_cast<std::ptrdiff_t>(batches_.batch_size());
  std::partial_sort(rows.begin(), rows.begin() + size, rows.end(),
                    [&](std::int64_t a, std::int64_t b) { return inputs.length(a) > inputs.length(b); });
  rows.resize(static_cast<std::size_t>(size));
  return meta_batch(data_, rows);
}

void MetaRun::predict(LedgerPhase& row, const Triggers& triggers) {
  const std::vector<bool> before = trainable_flags(model_);
  apply_plan(model_, plan_, row.begin, triggers);
  const auto index = static_cast<std::size_t>(plan_.phase_at(row.begin, triggers));
  if (row.begin > 0) apply_state_policy(*optimizer_, before, plan_.phases()[index].state);
  const int stages = row.prefix.training.stages;
  model_.recompute({});
  run(mean_, stages);  // makes the optimizer's state
  const StepCost of_longest = choose_recomputed(row, stages);
  row.predicted = has_lengths_ ? cost_of(mean_, stages) : of_longest;
  row.observed = observed_update(row);
  const bool is_whole = batches_.samples(row.observed) == batches_.samples(0);
  row.predicted_observed =
      is_whole && !has_lengths_ ? row.predicted : cost_of(update_of(row.observed), stages);
}

StepCost MetaRun::without_group_of(const std::string& parameter, const LedgerPhase& row) {
  const int group = model_.group_of(parameter);
  std::vector<ParameterPtr> frozen;
  for (const ParameterPtr& p : model_.parameters())
    if (p->group == group && p->requires_grad()) frozen.push_back(p);
  for (const ParameterPtr& p : frozen) p->set_requires_grad(false);
  StepCost cost = cost_of(mean_, row.prefix.training.stages);
  for (const ParameterPtr& p : frozen) p->set_requires_grad(true);
  return cost;
}

// ---- recomputing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"), a group at a time

// As few groups as fit train.memory, those first that give most bytes for a FLOP. Returns what the longest update costs.
StepCost MetaRun::choose_recomputed(LedgerPhase& row, int stages) {
  const auto measure = [&](const std::vector<int>& groups) {
    model_.recompute(groups);
    StepCost cost = cost_of(longest_, stages);
    row.peak_bytes = memory::usage(kMeta).total_peak - bytes_before_;
    row.kept_bytes = cost.saved_bytes + cost.gradient_bytes + cost.optimizer_bytes;
    return cost;
  };
  StepCost without = measure({});
  if (!config_.train.memory || row.peak_bytes <= config_.train.memory->bytes) return without;
  const std::int64_t limit = config_.train.memory->bytes;
  std::int64_t least = row.peak_bytes;
  if (config_.train.recompute == "auto")
    for (const int group : groups_by_gain(stages, without)) {
      row.recomputed.push_back(group);
      StepCost with = measure(row.recomputed);
      if (row.peak_bytes <= limit) return with;
      least = std::min(least, row.peak_bytes);
    }
  const std::int64_t of_weights = without.gradient_bytes + without.optimizer_bytes;
  const auto text = [](std::int64_t bytes) { return bytes_text(static_cast<double>(bytes)); };
  const std::string needs =
      concat(config_.strategy.name, " needs ", text(least), " beside the weights in phase ", row.phase + 1,
             " (train.memory, ", text(limit));
  if (of_weights > limit)
    fail_input(needs, "), ", text(of_weights),
               " of it for gradients and the optimizer's state; train less at once, or give it more memory");
  fail_input(needs,
             config_.train.recompute == "auto" ? ", train.recompute = \"auto\"); "
                                               : "); set train.recompute = \"auto\", ",
             "give it more memory, or use a smaller train.batch_size with a larger train.accumulation");
}

// Groups of whose activations backward needs some, and which give the same bits again. Where a pass updates buffers, a second
// one would update them again.
std::vector<int> MetaRun::groups_by_gain(int stages, const StepCost& without) {
  std::vector<bool> updates(model_.groups().size());
  for (const Module* module : std::as_const(model_).modules())
    if (const int group = model_.group_of(module->path()); group >= 0 && module->training_effects().updates)
      updates[static_cast<std::size_t>(group)] = true;
  std::vector<std::pair<double, int>> gains;  // bytes for a FLOP
  for (int group = stages; group < model_.head(); ++group) {
    if (updates[static_cast<std::size_t>(group)] || !model_.uses_weights_once(group)) continue;
    model_.recompute({group});
    const StepCost with = cost_of(longest_, stages);
    const auto bytes = static_cast<double>(without.saved_bytes - with.saved_bytes);
    if (bytes > 0)
      gains.emplace_back(bytes / std::max(with.total_flops() - without.total_flops(), 1.0), group);
  }
  std::stable_sort(gains.begin(), gains.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<int> groups;
  groups.reserve(gains.size());
  for (const auto& [gain, group] : gains) groups.push_back(group);
  return groups;
}

// ---- updates

// The third of a phase, when its optimizer state is made; later if that one is a partial one.
std::int64_t MetaRun::observed_update(const LedgerPhase& row) const {
  const std::int64_t third = std::min(row.begin + 2, row.end - 1);
  for (std::int64_t k = third; k < std::min(row.end, third + batches_.updates_per_epoch()); ++k)
    if (batches_.samples(k) == batches_.samples(0)) return k;
  return third;
}

MetaRun::MicroBatches MetaRun::update_of(std::int64_t number) {
  MicroBatches update;
  for (const auto& rows : batches_.update(number)) update.push_back(meta_batch(data_, rows));
  return update;
}

StepCost MetaRun::cost_of(const MicroBatches& update, int stages) {
  memory::reset_peak(kMeta);
  const StepObserver observer(model_);
  run(update, stages);
  return observer.finish(kMeta);
}

void MetaRun::run(const MicroBatches& update, int stages) {
  std::int64_t samples = 0;
  for (const Batch& batch : update) samples += batch.size();
  for (const Batch& batch : update) {
    const Tensor outputs = model_.forward_after(stages, state_after(batch, stages));
    const double weight = static_cast<double>(batch.size()) / static_cast<double>(samples);
    backward_from(outputs, model_, batch, loss_, weight, penalty_ ? &*penalty_ : nullptr);
  }
  finish_gradients(config_.train, *optimizer_);
  optimizer_->step(0);
  optimizer_->clear_grad();
}

// As PrefixCache gives it: what is computed meanwhile counts for nothing.
ModelState MetaRun::state_after(const Batch& batch, int stages) {
  if (stages == 0) return model_.begin(batch.x);
  Tensor h;
  {
    const Unobserved unobserved;
    const NoGrad no_grad;
    ModelState state = model_.begin(batch.x);
    model_.run_stages(0, stages, state);
    h = state.h.contiguous();
  }
  ModelState state = stages == model_.stages() ? ModelState{} : model_.begin(batch.x);
  state.h = h;
  return state;
}

}  // namespace thaw
