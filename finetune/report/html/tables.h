// The result in numbers: what each strategy gives, what it costs, and the other metrics.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

std::string result_tables(const CompareOutcome& outcome);  // what it gives, what it costs, further metrics
std::string time_section(const CompareOutcome& outcome);   // seconds told apart; parts of the spread

}  // namespace thaw::report
