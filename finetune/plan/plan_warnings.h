// What is likely a mistake in a plan, said before it runs.
#pragma once

#include <string>
#include <vector>

#include "finetune/plan/plan.h"

namespace thaw {

// A line for each of: phases that begin after the last update, or that no update sees because a later one
// begins as early; a new head, or groups, that no phase trains; multipliers of parameters that their phase
// freezes; groups whose integrated learning rate (the sum over updates of schedule * largest multiplier in the group) is
// below 1 % of the largest; a learning rate that still warms up at the end.
// `about_frozen`: also of groups that no phase trains, though the plan has one phase and so says what it
// freezes.
std::vector<std::string> plan_warnings(const ResolvedPlan& plan, const ScheduleFunction& schedule,
                                       const Triggers& triggers = {}, bool about_frozen = true);

// Of each group: the sum over updates of schedule * largest multiplier in the group, 0 while it is frozen.
std::vector<double> integrated_rates(const ResolvedPlan& plan, const ScheduleFunction& schedule,
                                     const Triggers& triggers = {});

}  // namespace thaw
