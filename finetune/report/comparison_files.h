// What a comparison leaves on disk beside its runs.
#pragma once

#include <string>

#include "finetune/config/config.h"
#include "finetune/report/comparison.h"

namespace thaw {

// results.csv, tuning.csv, results.json and report.html in `folder`, each atomically.
void write_comparison(const std::string& folder, const Config& config, const CompareOutcome& outcome);

}  // namespace thaw
