#include "finetune/report/comparison.h"

#include <algorithm>

namespace thaw {

bool CompareOutcome::all_ok() const {
  return std::all_of(runs.begin(), runs.end(), [](const ReportedRun& run) { return run.status == "ok"; });
}

}  // namespace thaw
