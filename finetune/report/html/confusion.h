// Which classes each strategy takes for which: a matrix, or for many classes the most frequent mistakes.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

// "" where no run that ended well has one.
std::string confusion_section(const CompareOutcome& outcome);

}  // namespace thaw::report
