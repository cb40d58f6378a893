// report.html of a study: the verdict on its predictions, heat maps of the first axis by strategies, and a
// way to each cell's own report.
#pragma once

#include <string>

#include "finetune/report/study_outcome.h"

namespace thaw {

// A whole page.
std::string study_html(const StudyOutcome& outcome);

}  // namespace thaw
