// How runs went: validation metric and loss over the updates, and what watching each group saw.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

// Of one strategy; "" where nothing was recorded on the way.
std::string curve_figures(const CompareOutcome& outcome, const std::string& strategy);
std::string statistic_figures(const CompareOutcome& outcome, const StrategyPicture& picture);

}  // namespace thaw::report
