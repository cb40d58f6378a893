// What can be said of a plan before (or after) it runs: warnings, a timeline to read, the same as data for
// plots.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/plan.h"

namespace thaw {

// A line for each of: phases that begin after the last update, or that no update sees because a later one
// begins as early; groups that no phase trains; multipliers of parameters that their phase freezes; groups
// whose integrated learning rate (the sum over updates of schedule * largest multiplier in the group) is
// below 1 % of the largest; a learning rate that still warms up at the end.
// `about_frozen`: also of groups that no phase trains, though the plan has one phase and so says what it
// freezes.
std::vector<std::string> plan_warnings(const ResolvedPlan& plan, const ScheduleFunction& schedule,
                                       const Triggers& triggers = {}, bool about_frozen = true);

// Of each group: the sum over updates of schedule * largest multiplier in the group, 0 while it is frozen.
std::vector<double> integrated_rates(const ResolvedPlan& plan, const ScheduleFunction& schedule,
                                     const Triggers& triggers = {});

// One group in one segment.
struct TimelineCell {
  std::int64_t trainable = 0;  // elements
  std::int64_t elements = 0;
  double lr_mult_min = 0;  // over the group's trainable parameters, re-warm-up done; 0 with none
  double lr_mult_max = 0;
  std::int64_t thawed = 0, rewarmup = 0;  // of what trains longest: see rewarmup_factor()
};

struct TimelineSegment {
  Segment segment;
  std::vector<TimelineCell> groups;  // like ModelInfo::groups
};

std::vector<TimelineSegment> timeline_data(const ResolvedPlan& plan, const Triggers& triggers = {});

// The timeline as a table of groups (the head on top) and phases, for a terminal.
std::string timeline(const ResolvedPlan& plan, const ScheduleFunction& schedule,
                     const Triggers& triggers = {});

}  // namespace thaw
