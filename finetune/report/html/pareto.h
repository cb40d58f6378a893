// What is gained for what is spent: the metric against FLOPs, training seconds and peak memory, with the
// strategies that no other beats in both.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

std::string pareto_section(const CompareOutcome& outcome);

}  // namespace thaw::report
