#include "finetune/plan/plan.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/selector.h"
#include "finetune/task/metrics.h"

namespace thaw {
namespace {

// Of a key of a phase, in errors.
std::string place(const Plan& plan, size_t phase, const char* key) {
  return concat(plan.phase_name, ' ', phase + 1, ": ", key);
}

// ceil() of a product whose factor was written in decimal: 0.07 * 100 is 7 although it is a little more in
// binary.
std::int64_t ceil_updates(double updates) {
  const double rounded = std::round(updates);
  const bool is_whole = std::abs(updates - rounded) <= 1e-12 * rounded;
  return static_cast<std::int64_t>(
      std::min(is_whole ? rounded : std::ceil(updates), static_cast<double>(kMostUpdates)));
}

std::int64_t fixed_start(const PhaseStart& at, const RunLength& run) {
  switch (at.kind) {
    case PhaseStart::Kind::step:
      return ceil_updates(at.amount);
    case PhaseStart::Kind::epoch:
      return ceil_updates(at.amount * static_cast<double>(run.updates_per_epoch));
    case PhaseStart::Kind::fraction:
      return ceil_updates(at.amount * static_cast<double>(run.total_updates));
    case PhaseStart::Kind::plateau:
      break;
  }
  return kNever;
}

std::vector<double> resolve_multipliers(const Plan& plan, size_t index, const ModelInfo& model) {
  const Phase& phase = plan.phases[index];
  std::vector<double> result(model.parameters.size(), 1.0);
  std::vector<const std::string*> named_by(model.parameters.size(), nullptr);
  for (const auto& [selector, multiplier] : phase.lr_mult) {
    if (!(multiplier >= 0) || !std::isfinite(multiplier)) {
      fail_input("the multiplier ", multiplier, " of ", in_quotes(selector),
                 " is no finite number from 0 up (", place(plan, index, "lr_mult"),
                 "); write one such as 0.1");
    }
    const std::vector<bool> selected = select_parameters(selector, model, place(plan, index, "lr_mult"));
    for (size_t p = 0; p < selected.size(); ++p) {
      if (!selected[p]) continue;
      if (named_by[p] && result[p] != multiplier) {
        fail_input(in_quotes(*named_by[p]), " gives ", in_quotes(model.parameters[p].name),
                   " the multiplier ", result[p], " and ", in_quotes(selector), " gives it ", multiplier,
                   " (", place(plan, index, "lr_mult"), "); name each parameter once");
      }
      named_by[p] = &selector;
      result[p] = multiplier;
    }
  }
  return result;
}

ResolvedPhase resolve_phase(const Plan& plan, size_t index, const ModelInfo& model, const RunLength& run) {
  const Phase& phase = plan.phases[index];
  const std::int64_t rewarmup = phase.rewarmup.value_or(plan.rewarmup);
  if (rewarmup < 0) {
    fail_input("rewarmup = ", rewarmup, " is negative (", place(plan, index, "rewarmup"),
               "); write a number of updates");
  }
  if (index == 0 && phase.rewarmup.value_or(0) > 0) {
    fail_input("nothing thaws in the first phase, so there is nothing to warm up again (",
               place(plan, index, "rewarmup"), "); use train.warmup_steps");
  }
  ResolvedPhase result;
  result.start = fixed_start(phase.at, run);
  result.trainable = select_parameters(phase.train, model, place(plan, index, "train"));
  result.lr_mult = resolve_multipliers(plan, index, model);
  result.state = phase.state.value_or(plan.state);
  result.rewarmup = rewarmup;
  result.frozen_norm = phase.frozen_norm.value_or(plan.frozen_norm);
  result.frozen_dropout = phase.frozen_dropout.value_or(plan.frozen_dropout);
  return result;
}

void check_order(const Plan& plan, const std::vector<ResolvedPhase>& phases) {
  if (phases.front().start != 0) {
    fail_input("the first phase begins at ", in_quotes(to_text(plan.phases.front().at)),
               ", and nothing says what trains before (", place(plan, 0, "at"), "); leave `at` out");
  }
  size_t latest = 0;
  for (size_t i = 1; i < phases.size(); ++i) {
    if (phases[i].start == kNever) continue;
    if (phases[i].start < phases[latest].start) {
      fail_input("phase ", i + 1, " begins after ", phases[i].start, " updates, before phase ", latest + 1,
                 ", which begins after ", phases[latest].start, " (", place(plan, i, "at"),
                 "); list phases in order of time");
    }
    latest = i;
  }
}

}  // namespace

double rewarmup_factor(std::int64_t completed, std::int64_t thawed, std::int64_t rewarmup) {
  return std::min(1.0, static_cast<double>(completed - thawed + 1) / static_cast<double>(rewarmup + 1));
}

bool plateau_reached(const std::string& metric, const std::vector<double>& values, int patience) {
  const bool lower_is_better = !higher_is_better(metric);
  if (values.size() <= static_cast<size_t>(patience)) return false;
  // NaN is worse than any number.
  const auto better = [&](double a, double b) {
    return !std::isnan(a) && (std::isnan(b) || (lower_is_better ? a < b : a > b));
  };
  const auto recent = values.end() - patience;
  const double best = *std::min_element(values.begin(), recent, better);
  return std::none_of(recent, values.end(), [&](double value) { return better(value, best); });
}

ResolvedPlan::ResolvedPlan(Plan plan, ModelInfo model, RunLength run)
    : plan_(std::move(plan)), model_(std::move(model)), run_(run) {
  assert(!plan_.phases.empty() && run_.total_updates >= 0 && run_.updates_per_epoch > 0);
  for (size_t i = 0; i < plan_.phases.size(); ++i) phases_.push_back(resolve_phase(plan_, i, model_, run_));
  check_order(plan_, phases_);
}

std::int64_t ResolvedPlan::start_of(size_t phase, const Triggers& triggers) const {
  if (phases_[phase].start != kNever) return phases_[phase].start;
  const auto of_phase = [phase](const Trigger& trigger) { return trigger.phase == static_cast<int>(phase); };
  const auto trigger = std::find_if(triggers.begin(), triggers.end(), of_phase);
  return trigger == triggers.end() ? kNever : trigger->step;
}

// The phases that were in force up to `completed`, in order. Each lasts until a later one of the list begins,
// and one that lasts for no time is left out.
std::vector<Segment> ResolvedPlan::history(std::int64_t completed, const Triggers& triggers) const {
  std::vector<Segment> past;
  std::int64_t end = kNever;
  for (size_t i = phases_.size(); i-- > 0;) {
    const std::int64_t begin = start_of(i, triggers);
    if (begin > completed || begin >= end) continue;
    past.push_back({static_cast<int>(i), begin, end});
    end = begin;
  }
  std::reverse(past.begin(), past.end());
  return past;
}

int ResolvedPlan::phase_at(std::int64_t completed, const Triggers& triggers) const {
  assert(completed >= 0);
  size_t phase = phases_.size() - 1;
  while (start_of(phase, triggers) > completed) --phase;  // ends at the first phase, which begins at 0
  return static_cast<int>(phase);
}

size_t ResolvedPlan::thawed_in(size_t parameter, const std::vector<Segment>& past) const {
  size_t thawed = past.size() - 1;
  while (thawed > 0 && phases_[past[thawed - 1].phase].trainable[parameter]) --thawed;
  return thawed;
}

std::vector<ParameterState> ResolvedPlan::state_at(std::int64_t completed, const Triggers& triggers) const {
  assert(completed >= 0);
  const std::vector<Segment> past = history(completed, triggers);
  const ResolvedPhase& phase = phases_[past.back().phase];
  std::vector<ParameterState> state(phase.trainable.size());
  for (size_t p = 0; p < state.size(); ++p) {
    state[p].trainable = phase.trainable[p];
    state[p].lr_mult = phase.lr_mult[p];
    if (!state[p].trainable) continue;
    // What trains from the start of the run did not thaw.
    if (const size_t thawed = thawed_in(p, past); thawed > 0)
      state[p].lr_mult *=
          rewarmup_factor(completed, past[thawed].begin, phases_[past[thawed].phase].rewarmup);
  }
  return state;
}

std::optional<int> ResolvedPlan::armed_plateau(std::int64_t completed, const Triggers& triggers) const {
  const int next = phase_at(completed, triggers) + 1;
  const bool is_plateau =
      next < static_cast<int>(phases_.size()) && plan_.phases[next].at.kind == PhaseStart::Kind::plateau;
  return is_plateau ? std::optional<int>(next) : std::nullopt;
}

Triggers ResolvedPlan::plateaus_at_once() const {
  Triggers triggers;
  for (size_t i = 1; i < phases_.size(); ++i)
    if (phases_[i].start == kNever) triggers.push_back({static_cast<int>(i), start_of(i - 1, triggers) + 1});
  return triggers;
}

std::vector<Segment> ResolvedPlan::segments(const Triggers& triggers) const {
  if (run_.total_updates == 0) return {};
  std::vector<Segment> result = history(run_.total_updates - 1, triggers);
  result.back().end = run_.total_updates;
  return result;
}

}  // namespace thaw
