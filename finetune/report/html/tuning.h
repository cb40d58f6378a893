// What tuning saw: the validation metric against the learning rate, a small figure per strategy, all with the
// same axes.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

std::string tuning_section(const CompareOutcome& outcome);

}  // namespace thaw::report
