#include "finetune/train/ledger.h"

#include <algorithm>

#include "core/random.h"

namespace thaw {

double StepCost::total_flops() const {
  double total = 0;
  for (const double flops_of_section : flops) total += flops_of_section;
  return total;
}

StepObserver::StepObserver(const Model& model, KernelObserver* listener)
    : model_(model), listener_(listener), previous_(kernel_observer) {
  cost_.group_flops.resize(model.groups().size());
  cost_.group_seconds.resize(model.groups().size());
  kernel_observer = this;
}

StepObserver::~StepObserver() { kernel_observer = previous_; }

std::size_t StepObserver::group_of_scope(int scope) {
  const auto index = static_cast<std::size_t>(scope);
  if (index >= scope_groups_.size()) scope_groups_.resize(index + 1, -2);
  if (scope_groups_[index] == -2) scope_groups_[index] = model_.group_of(scope_path(scope));
  // What no module asked for (the loss, the optimizer's bookkeeping) is the head's.
  return static_cast<std::size_t>(scope_groups_[index] < 0 ? model_.head() : scope_groups_[index]);
}

void StepObserver::on_kernel(const KernelEvent& event) {
  const auto section = static_cast<std::size_t>(trace_state.section);
  const std::size_t group = group_of_scope(trace_state.scope);
  cost_.flops[section] += event.flops;
  cost_.seconds[section] += event.seconds;
  cost_.group_flops[group][section] += event.flops;
  cost_.group_seconds[group][section] += event.seconds;
  if (listener_ != nullptr) listener_->on_kernel(event);
}

StepCost StepObserver::finish(Device device) const {
  StepCost cost = cost_;
  const memory::Usage usage = memory::usage(device);
  cost.saved_bytes = usage.saved_peak;
  cost.gradient_bytes = usage.peak[static_cast<std::size_t>(memory::Category::gradient)];
  cost.optimizer_bytes = usage.current[static_cast<std::size_t>(memory::Category::optimizer)];
  return cost;
}

namespace {

// The run on the meta device: one model and one optimizer go through the phases in order, so that state which
// an earlier phase left behind is counted too.
class MetaRun {
 public:
  MetaRun(const Config& config, Model& model, const Strategy& strategy, const ResolvedPlan& plan,
          const Dataset& data)
      : config_(config),
        plan_(plan),
        model_(model),
        data_(data),
        batches_(make_batches(config.train, data.size())) {
    if (strategy.l2_sp) penalty_.emplace(model, *strategy.l2_sp);
    optimizer_ = make_optimizer(config.train, model);
    loss_ = loss_options(config, data, kMeta);
    // An epoch may have fewer batches than train.accumulation.
    const std::int64_t micro_batches =
        (batches_.samples(0) + batches_.batch_size() - 1) / batches_.batch_size();
    mean_update_.assign(static_cast<std::size_t>(micro_batches), meta_batch(data, batches_.batch_size()));
    const auto& lengths = data.inputs->sample_shape();
    has_lengths_ = std::find(lengths.begin(), lengths.end(), 0) != lengths.end();
  }

  // What updates in mid-phase cost that take so many stages from the prefix cache.
  void predict(LedgerPhase& row, const Triggers& triggers, int stages) {
    const std::vector<bool> before = trainable_flags(model_);
    apply_plan(model_, plan_, row.begin, triggers);
    const auto index = static_cast<std::size_t>(plan_.phase_at(row.begin, triggers));
    if (row.begin > 0) apply_state_policy(*optimizer_, before, plan_.phases()[index].state);
    update(mean_update_, stages);  // makes the optimizer's state
    row.predicted = cost_of(mean_update_, stages);
    row.observed = observed_update(row);
    const bool is_whole = batches_.samples(row.observed) == batches_.samples(0);
    row.predicted_observed =
        is_whole && !has_lengths_ ? row.predicted : cost_of(batches_of(row.observed), stages);
  }

  // The same update if the parameter's group were frozen too.
  StepCost without_group_of(const std::string& parameter, int stages) {
    const int group = model_.group_of(parameter);
    std::vector<ParameterPtr> frozen;
    for (const ParameterPtr& p : model_.parameters())
      if (p->group == group && p->requires_grad()) frozen.push_back(p);
    for (const ParameterPtr& p : frozen) p->set_requires_grad(false);
    const StepCost cost = cost_of(mean_update_, stages);
    for (const ParameterPtr& p : frozen) p->set_requires_grad(true);
    return cost;
  }

 private:
  // The third of a phase, when its optimizer state is made; later if that one is a partial one.
  std::int64_t observed_update(const LedgerPhase& row) const {
    const std::int64_t third = std::min(row.begin + 2, row.end - 1);
    for (std::int64_t k = third; k < std::min(row.end, third + batches_.updates_per_epoch()); ++k)
      if (batches_.samples(k) == batches_.samples(0)) return k;
    return third;
  }

  std::vector<Batch> batches_of(std::int64_t update) {
    std::vector<Batch> batches;
    for (const auto& rows : batches_.update(update))
      batches.push_back(meta_batch(data_, shape_of_batch(*data_.inputs, rows)));
    return batches;
  }

  StepCost cost_of(const std::vector<Batch>& batches, int stages) {
    memory::reset_peak(kMeta);
    const StepObserver observer(model_);
    update(batches, stages);
    return observer.finish(kMeta);
  }

  void update(const std::vector<Batch>& batches, int stages) {
    std::int64_t samples = 0;
    for (const Batch& batch : batches) samples += batch.size();
    for (const Batch& batch : batches) {
      const Tensor outputs = model_.forward_after(stages, state_after(batch, stages));
      const double weight = static_cast<double>(batch.size()) / static_cast<double>(samples);
      backward_from(outputs, model_, batch, loss_, weight, penalty_ ? &*penalty_ : nullptr);
    }
    if (config_.train.clip_norm > 0) clip_gradients(optimizer_->parameters(), config_.train.clip_norm);
    optimizer_->step(0);
    optimizer_->clear_grad();
  }

  // As PrefixCache gives it: what is computed meanwhile counts for nothing.
  ModelState state_after(const Batch& batch, int stages) {
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

  const Config& config_;
  const ResolvedPlan& plan_;
  Model& model_;
  std::optional<L2SpPenalty> penalty_;
  std::unique_ptr<Optimizer> optimizer_;
  LossOptions loss_;
  const Dataset& data_;
  BatchPlan batches_;
  std::vector<Batch> mean_update_;  // its micro-batches
  bool has_lengths_;                // batches of as many samples differ
};

}  // namespace

std::string blocking_parameter(const ResolvedPlan& plan, int phase) {
  const auto& trainable = plan.phases()[static_cast<std::size_t>(phase)].trainable;
  const ModelInfo& model = plan.model();
  int lowest = static_cast<int>(model.groups.size());
  std::string name;
  for (std::size_t i = 0; i < trainable.size(); ++i)
    if (trainable[i] && model.parameters[i].group < lowest) {
      lowest = model.parameters[i].group;
      name = model.parameters[i].name;
    }
  for (std::size_t i = 0; i < trainable.size(); ++i)
    if (!trainable[i] && model.parameters[i].group > lowest) return name;
  return {};
}

Ledger predict_ledger(const Config& config, Model& model, const Strategy& strategy, const ResolvedPlan& plan,
                      const Dataset& data, const Triggers& triggers, bool many_runs) {
  Ledger ledger;
  ledger.groups = plan.model().groups;
  const std::vector<PrefixPhase> prefixes = plan_prefixes(config, model, plan, data, triggers, many_runs);
  MetaRun run(config, model, strategy, plan, data);
  for (const Segment& segment : plan.segments(triggers)) {
    LedgerPhase row;
    row.prefix = prefixes[ledger.phases.size()];
    row.phase = segment.phase;
    row.begin = segment.begin;
    row.end = segment.end;
    const auto& trainable = plan.phases()[static_cast<std::size_t>(segment.phase)].trainable;
    for (std::size_t i = 0; i < trainable.size(); ++i) {
      row.parameters += plan.model().parameters[i].numel;
      if (trainable[i]) row.trainable += plan.model().parameters[i].numel;
    }
    run.predict(row, triggers, row.prefix.training.stages);
    row.blocked_by = blocking_parameter(plan, segment.phase);
    if (!row.blocked_by.empty())
      row.blocked_flops = row.predicted.total_flops() -
                          run.without_group_of(row.blocked_by, row.prefix.training.stages).total_flops();
    ledger.phases.push_back(row);
  }
  return ledger;
}

double flops_of(const LedgerPhase& row, const BatchPlan& batches, std::int64_t completed) {
  const std::int64_t end = std::min(row.end, completed);
  if (end <= row.begin) return 0;
  const std::int64_t samples = batches.samples_before(end) - batches.samples_before(row.begin);
  return row.predicted.total_flops() * static_cast<double>(samples) /
             static_cast<double>(batches.samples(0)) +
         row.prefix.flops * static_cast<double>(std::min(samples, row.prefix.computed));
}

bool fits(const Ledger& measured, const std::vector<std::string>& groups) {
  return std::all_of(measured.phases.begin(), measured.phases.end(), [&](const LedgerPhase& row) {
    return !row.was_measured || row.measured.group_flops.size() == groups.size();
  });
}

Ledger with_measurements(Ledger next, const Ledger& before) {
  for (LedgerPhase& row : next.phases)
    for (const LedgerPhase& old : before.phases) {
      if (old.phase != row.phase) continue;
      row.measured = old.measured;
      row.was_measured = old.was_measured;
      row.seconds = old.seconds;
    }
  return next;
}

std::int64_t trained_elements(const Ledger& ledger, const ResolvedPlan& plan) {
  std::vector<bool> trained(plan.model().parameters.size());
  for (const LedgerPhase& row : ledger.phases) {
    const std::vector<bool>& trainable = plan.phases()[static_cast<std::size_t>(row.phase)].trainable;
    for (std::size_t i = 0; i < trained.size(); ++i) trained[i] = trained[i] || trainable[i];
  }
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < trained.size(); ++i)
    if (trained[i]) elements += plan.model().parameters[i].numel;
  return elements;
}

}  // namespace thaw
