#include "finetune/report/study_outcome.h"

#include <algorithm>

namespace thaw {

bool StudyOutcome::all_ok() const {
  return std::all_of(cells.begin(), cells.end(),
                     [](const CellResult& cell) { return cell.outcome.all_ok(); });
}

}  // namespace thaw
