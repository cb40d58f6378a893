// From what a run gave to a row of the comparison's results.
#pragma once

#include "finetune/compare/comparison.h"
#include "finetune/run.h"

namespace thaw {

// All but who ran and on which draw; looks at the test data are added to those that `row` has.
void fill_row(ReportedRun& row, const RunResult& result);

}  // namespace thaw
