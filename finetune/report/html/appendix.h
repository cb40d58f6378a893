// What the comparison was made of: the data, and everything needed to repeat it.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

std::string data_section(const CompareOutcome& outcome);
// `config`: its text; "" where nothing is known of it.
std::string repeat_section(const CompareOutcome& outcome, const std::string& config);

}  // namespace thaw::report
