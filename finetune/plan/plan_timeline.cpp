#include "finetune/plan/plan_timeline.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/plan_warnings.h"

namespace thaw {
namespace {

// `past`: the segments up to this one.
TimelineCell cell_of(const ResolvedPlan& plan, const std::vector<Segment>& past, int group) {
  const ModelInfo& model = plan.model();
  const ResolvedPhase& phase = plan.phases()[past.back().phase];
  size_t thawed = past.size() - 1;
  TimelineCell cell;
  for (size_t p = 0; p < model.parameters.size(); ++p) {
    const ParameterInfo& parameter = model.parameters[p];
    if (parameter.group != group) continue;
    cell.elements += parameter.numel;
    if (!phase.trainable[p]) continue;
    thawed = std::min(thawed, plan.thawed_in(p, past));
    const double multiplier = phase.lr_mult[p];
    cell.lr_mult_min = cell.trainable == 0 ? multiplier : std::min(cell.lr_mult_min, multiplier);
    cell.lr_mult_max = std::max(cell.lr_mult_max, multiplier);
    cell.trainable += parameter.numel;
  }
  cell.thawed = past[thawed].begin;
  if (thawed > 0) cell.rewarmup = plan.phases()[past[thawed].phase].rewarmup;
  return cell;
}

std::string range_text(double low, double high) {
  return low == high ? short_number(low, 3) : concat(short_number(low, 3), " .. ", short_number(high, 3));
}

std::string cell_text(const TimelineCell& cell) {
  if (cell.trainable == 0) return "-";
  return range_text(cell.lr_mult_min, cell.lr_mult_max) + (cell.trainable < cell.elements ? " *" : "");
}

std::string schedule_text(const Segment& segment, const ScheduleFunction& schedule) {
  double low = schedule(segment.begin), high = low;
  for (std::int64_t k = segment.begin; k < segment.end; ++k) {
    low = std::min(low, schedule(k));
    high = std::max(high, schedule(k));
  }
  return range_text(low, high);
}

std::string trainable_text(const std::vector<TimelineCell>& groups) {
  std::int64_t trainable = 0, elements = 0;
  for (const TimelineCell& cell : groups) {
    trainable += cell.trainable;
    elements += cell.elements;
  }
  return concat(trainable, " of ", elements);
}

TextRow phase_row(const ResolvedPlan& plan, const TimelineSegment& part, const ScheduleFunction& schedule) {
  const Segment& segment = part.segment;
  const Phase& phase = plan.plan().phases[segment.phase];
  return {std::to_string(segment.phase + 1),
          to_text(phase.at),
          concat(segment.begin + 1, "-", segment.end),
          phase.train,
          schedule_text(segment, schedule),
          trainable_text(part.groups)};
}

// `rates`: integrated learning rates of the groups.
std::string group_table(const ResolvedPlan& plan, const std::vector<TimelineSegment>& parts,
                        const std::vector<double>& rates) {
  std::vector<TextRow> rows = {{"group"}};
  for (const TimelineSegment& part : parts) rows[0].push_back(concat("phase ", part.segment.phase + 1));
  rows[0].emplace_back("whole run");
  const double most = *std::max_element(rates.begin(), rates.end());
  bool has_partial = false;
  for (int group = plan.model().head(); group >= 0; --group) {
    rows.push_back({plan.model().groups[group]});
    for (const TimelineSegment& part : parts) {
      const TimelineCell& cell = part.groups[group];
      rows.back().push_back(cell_text(cell));
      has_partial |= cell.trainable > 0 && cell.trainable < cell.elements;
    }
    rows.back().push_back(most > 0 ? fixed_number(100 * rates[group] / most, 1) + " %" : "-");
  }
  return text_table(rows) + "learning-rate multipliers; - is frozen" +
         (has_partial ? ", * is trained in part" : "") +
         "; whole run: the integrated learning rate, relative to the largest\n";
}

// The plateau phases of which nobody knows yet when they begin.
std::string waiting_phases(const ResolvedPlan& plan, const Triggers& triggers) {
  std::string text;
  const auto& phases = plan.plan().phases;
  for (size_t i = 0; i < phases.size(); ++i) {
    if (plan.start_of(i, triggers) != kNever) continue;
    text += concat("phase ", i + 1, " waits for ", to_text(phases[i].at), ", then trains ", phases[i].train,
                   "\n");
  }
  return text;
}

}  // namespace

std::vector<TimelineSegment> timeline_data(const ResolvedPlan& plan, const Triggers& triggers) {
  std::vector<TimelineSegment> parts;
  std::vector<Segment> past;
  for (const Segment& segment : plan.segments(triggers)) {
    past.push_back(segment);
    TimelineSegment part{segment, {}};
    for (int group = 0; group <= plan.model().head(); ++group) {
      part.groups.push_back(cell_of(plan, past, group));
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

std::string timeline(const ResolvedPlan& plan, const ScheduleFunction& schedule, const Triggers& triggers) {
  const std::vector<TimelineSegment> parts = timeline_data(plan, triggers);
  if (parts.empty()) return "no updates: nothing is trained\n";
  std::vector<TextRow> rows = {{"phase", "begins", "updates", "train", "learning rate", "trainable"}};
  for (const TimelineSegment& part : parts) rows.push_back(phase_row(plan, part, schedule));
  return text_table(rows) + waiting_phases(plan, triggers) + "\n" +
         group_table(plan, parts, integrated_rates(plan, schedule, triggers));
}

}  // namespace thaw
