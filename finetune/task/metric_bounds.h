// What a metric can be at all, and a difference between two of it: intervals end there.
#pragma once

#include <string>

#include "finetune/common/statistics.h"

namespace thaw {

// By name, with what stands before it ("training_accuracy"); without bounds for a name that is not known.
Bounds metric_bounds(const std::string& metric);
Bounds difference_bounds(const std::string& metric);

}  // namespace thaw
