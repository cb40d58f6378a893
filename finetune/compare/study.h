// Study: the same comparison in several cells (see load_study), and whether what was predicted of them came
// true over all of them together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finetune/compare/compare.h"
#include "finetune/report/study_outcome.h"

namespace thaw {

struct StudyRequest {
  Study study;
  CompareRequest compare;  // for every cell; its `out` is the study's folder, its config is not used
};

// Runs every cell into a folder of its own below compare.out and writes study.json, study.csv and report.html
// there. One that goes on must have the cells that it was begun with.
StudyOutcome run_study(const StudyRequest& request);

}  // namespace thaw
