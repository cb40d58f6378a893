// What a comparison's runs say together: a row per strategy.
#pragma once

#include "finetune/compare.h"

namespace thaw {

// In the order of `strategies`. A strategy is judged against `full` where every run of both ended well;
// nothing is judged in a comparison that was interrupted.
// `margin` is a difference of the metric, or, where that is an error, a share of full's.
std::vector<StrategySummary> summarise(const std::vector<std::string>& strategies,
                                       const CompareOutcome& outcome, double margin, std::uint64_t seed);

}  // namespace thaw
