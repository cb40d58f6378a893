// The timeline of a plan, for plots and for reading:
//
//   phase  begins   updates  train  learning rate    trainable
//   1      step 0   1-20     head   0.001            330 of 12010
//   2      epoch 1  21-60    top:1  0.001 .. 0.0005  2410 of 12010
//
//   group     phase 1  phase 2
//   head      1        1
//   layers.0  -        0.38
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/plan/plan.h"

namespace thaw {

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
