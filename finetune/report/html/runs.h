// The result as figures: every run with its interval, the differences to full, and the ranks.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

std::string result_figures(const CompareOutcome& outcome);

}  // namespace thaw::report
