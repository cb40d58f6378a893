// What the report draws of a strategy.
#pragma once

#include <string>

#include "finetune/compare/candidate.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/report/comparison.h"

namespace thaw {

// The plan of `config` (as the run had it) with the triggers and measurements of `run`.
StrategyPicture make_picture(const Config& config, const Candidate& candidate, const PreparedData& data,
                             const ReportedRun& run);

}  // namespace thaw
