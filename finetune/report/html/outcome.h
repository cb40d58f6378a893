// What several parts of the page ask of an outcome.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

// Null where the outcome has no such strategy.
const StrategySummary* find_summary(const CompareOutcome& outcome, const std::string& strategy);
bool ended_well(const StrategySummary& summary);     // some run did
std::string metric_name(const std::string& metric);  // for people: "accuracy", "macro F1", ..

}  // namespace thaw::report
