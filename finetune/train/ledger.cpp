#include "finetune/train/ledger.h"

#include <algorithm>

#include "finetune/train/meta_run.h"

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
    run.predict(row, triggers);
    row.blocked_by = blocking_parameter(plan, segment.phase);
    if (!row.blocked_by.empty())
      row.blocked_flops =
          row.predicted.total_flops() - run.without_group_of(row.blocked_by, row).total_flops();
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

double predicted_seconds(const Ledger& ledger) {
  double seconds = 0;
  for (const LedgerPhase& row : ledger.phases) seconds += row.predicted_seconds;
  return seconds;
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
