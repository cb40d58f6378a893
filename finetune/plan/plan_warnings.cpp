#include "finetune/plan/plan_warnings.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/plan_timeline.h"
#include "finetune/plan/selector.h"

namespace thaw {
namespace {

constexpr double kDecayed = 0.1;
constexpr double kLeastShare = 0.01;

using Lines = std::vector<std::string>;

// "5 (epoch 4)"
std::string with_time(const ResolvedPlan& plan, size_t phase) {
  return concat(phase + 1, " (", to_text(plan.plan().phases[phase].at), ")");
}

// Phases are in order of time: all that follow the first one too late are too late as well.
void warn_late_phases(const ResolvedPlan& plan, Lines& lines) {
  std::vector<size_t> late;
  for (size_t i = 1; i < plan.phases().size(); ++i) {
    const std::int64_t start = plan.phases()[i].start;
    if (start != kNever && start >= plan.run().total_updates) late.push_back(i);
  }
  if (late.empty()) return;
  const std::string which = late.size() == 1 ? concat("phase ", with_time(plan, late[0]), " begins")
                                             : concat("phases ", with_time(plan, late[0]), " to ",
                                                      with_time(plan, late.back()), " begin");
  lines.push_back(concat(which, " after the last of ", plan.run().total_updates, " updates"));
}

void warn_replaced_phases(const ResolvedPlan& plan, Lines& lines) {
  const auto& phases = plan.phases();
  for (size_t i = 0; i + 1 < phases.size(); ++i) {
    if (phases[i].start == phases[i + 1].start && phases[i].start < plan.run().total_updates)
      lines.push_back(
          concat("phase ", i + 1, " is never in force: phase ", i + 2, " begins at the same update"));
  }
}

// Of each group, whether some phase trains it. A plateau may come or not: its phase counts as one that can.
std::vector<bool> trained_groups(const ResolvedPlan& plan) {
  const ModelInfo& model = plan.model();
  std::vector<bool> trained(model.groups.size());
  for (const ResolvedPhase& phase : plan.phases()) {
    if (phase.start != kNever && phase.start >= plan.run().total_updates) continue;
    for (size_t p = 0; p < model.parameters.size(); ++p) {
      if (phase.trainable[p]) trained[model.parameters[p].group] = true;
    }
  }
  return trained;
}

void warn_untrained_head(const ResolvedPlan& plan, const std::vector<bool>& trained, Lines& lines) {
  const ModelInfo& model = plan.model();
  if (model.head_is_new && model.has_parameters(model.head()) && plan.run().total_updates > 0 &&
      !trained[static_cast<size_t>(model.head())])
    lines.push_back("the head has random weights and never trains: what it says means nothing");
}

void warn_untrained_groups(const ResolvedPlan& plan, const std::vector<bool>& trained, Lines& lines) {
  const ModelInfo& model = plan.model();
  std::vector<std::string> untrained;
  for (size_t g = 0; g < trained.size(); ++g) {
    if (!trained[g] && model.has_parameters(static_cast<int>(g))) untrained.push_back(model.groups[g]);
  }
  if (untrained.empty() || plan.run().total_updates == 0) return;
  lines.push_back(
      concat(untrained.size(), " of ", model.groups.size(), " groups never thaw: ", name_list(untrained)));
}

void warn_idle_multipliers(const ResolvedPlan& plan, Lines& lines) {
  for (size_t i = 0; i < plan.phases().size(); ++i) {
    const std::vector<bool>& trainable = plan.phases()[i].trainable;
    for (const auto& [selector, multiplier] : plan.plan().phases[i].lr_mult) {
      const std::vector<bool> selected = select_parameters(selector, plan.model(), "lr_mult");
      bool acts = false;
      for (size_t p = 0; p < selected.size(); ++p) acts |= selected[p] && trainable[p];
      if (!acts) {
        lines.push_back(concat("phase ", i + 1, ": the multiplier of ", in_quotes(selector),
                               " does nothing, for the phase freezes all of it"));
      }
    }
  }
}

// Adds to each group's sum: rate * the largest multiplier that one of its parameters trains with.
void add_rates(const ResolvedPlan& plan, const std::vector<ParameterState>& state, double rate,
               std::vector<double>& sums) {
  std::vector<double> largest(sums.size());
  for (size_t p = 0; p < state.size(); ++p) {
    double& of_group = largest[plan.model().parameters[p].group];
    if (state[p].trainable) of_group = std::max(of_group, state[p].lr_mult);
  }
  for (size_t g = 0; g < sums.size(); ++g) sums[g] += rate * largest[g];
}

void warn_starved_groups(const ResolvedPlan& plan, const ScheduleFunction& schedule, const Triggers& triggers,
                         Lines& lines) {
  const std::vector<double> rates = integrated_rates(plan, schedule, triggers);
  const double largest = *std::max_element(rates.begin(), rates.end());
  std::vector<bool> trains(rates.size());
  for (const TimelineSegment& segment : timeline_data(plan, triggers)) {
    for (size_t g = 0; g < trains.size(); ++g) trains[g] = trains[g] || segment.groups[g].trainable > 0;
  }
  std::vector<std::string> starved;
  for (size_t g = 0; g < rates.size(); ++g) {
    if (trains[g] && rates[g] < kLeastShare * largest) starved.push_back(plan.model().groups[g]);
  }
  if (starved.empty()) return;
  std::string line = concat(
      "groups with less than 1 % of the largest integrated learning rate hardly train: ", name_list(starved));
  // A schedule for the whole run has decayed by the time that the last groups thaw.
  const std::vector<Segment> segments = plan.segments(triggers);
  double highest = 0;
  for (std::int64_t k = 0; k < segments.back().end; ++k) highest = std::max(highest, schedule(k));
  if (segments.size() > 1 && schedule(segments.back().begin) < kDecayed * highest)
    line += "; the schedule has decayed when they thaw: thaw sooner, or use a schedule that decays later";
  lines.push_back(line);
}

void warn_endless_warm_up(const ResolvedPlan& plan, const ScheduleFunction& schedule, Lines& lines) {
  const std::int64_t total = plan.run().total_updates;
  if (total > 0 && schedule(total) > schedule(total - 1))
    lines.push_back(concat("the learning rate still warms up when the run ends after ", total,
                           " updates: make the warm-up shorter"));
}

}  // namespace

// Within a segment the state changes only while something warms up again, so it is asked for update by update
// there and once for the rest.
std::vector<double> integrated_rates(const ResolvedPlan& plan, const ScheduleFunction& schedule,
                                     const Triggers& triggers) {
  std::int64_t longest_rewarmup = 0;
  for (const ResolvedPhase& phase : plan.phases())
    longest_rewarmup = std::max(longest_rewarmup, phase.rewarmup);
  std::vector<double> sums(plan.model().groups.size());
  for (const Segment& segment : plan.segments(triggers)) {
    const std::int64_t settled = segment.begin + std::min(longest_rewarmup, segment.end - segment.begin);
    for (std::int64_t k = segment.begin; k < settled; ++k) {
      add_rates(plan, plan.state_at(k, triggers), schedule(k), sums);
    }
    double rest = 0;
    for (std::int64_t k = settled; k < segment.end; ++k) rest += schedule(k);
    if (settled < segment.end) add_rates(plan, plan.state_at(settled, triggers), rest, sums);
  }
  return sums;
}

std::vector<std::string> plan_warnings(const ResolvedPlan& plan, const ScheduleFunction& schedule,
                                       const Triggers& triggers, bool about_frozen) {
  Lines lines;
  warn_late_phases(plan, lines);
  warn_replaced_phases(plan, lines);
  const std::vector<bool> trained = trained_groups(plan);
  warn_untrained_head(plan, trained, lines);
  if (about_frozen || plan.phases().size() > 1) warn_untrained_groups(plan, trained, lines);
  warn_idle_multipliers(plan, lines);
  warn_starved_groups(plan, schedule, triggers, lines);
  warn_endless_warm_up(plan, schedule, lines);
  return lines;
}

}  // namespace thaw
