// What a study leaves on disk beside its cells.
#pragma once

#include <string>

#include "finetune/report/study_outcome.h"

namespace thaw {

// study.csv (a row per cell and strategy), study.json and report.html in `folder`, each atomically.
void write_study(const std::string& folder, const StudyOutcome& outcome);

// The result for a terminal.
std::string study_text(const StudyOutcome& outcome);

// "as predicted", "against the prediction", "undecided": as the interval says.
std::string contrast_text(const StudyMean& contrast);

}  // namespace thaw
