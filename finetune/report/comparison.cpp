#include "finetune/report/comparison.h"

#include <algorithm>

namespace thaw {

double ReportedRun::validation_value() const {
  return validation.empty() ? NAN : thaw::metric(validation, metric);
}

bool CompareOutcome::all_ok() const {
  return std::all_of(runs.begin(), runs.end(),
                     [](const ReportedRun& run) { return run.status == RunStatus::ok; });
}

}  // namespace thaw
