// Study: the same comparison in several cells (see load_study), and whether what was predicted of them came
// true over all of them together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finetune/compare/compare.h"

namespace thaw {

struct StudyRequest {
  Study study;
  CompareRequest compare;  // for every cell; its `out` is the study's folder, its config is not used
};

struct CellResult {
  std::vector<std::size_t> values;  // of each axis
  std::string folder;               // relative to the study's
  CompareOutcome outcome;
};

// Mean over cells of (metric of a strategy less the mean of its rivals' in the cell), with its interval.
struct StudyMean {
  Interval interval;
  std::int64_t units = 0;  // over which the interval is: values of the random axes, or cells where none is
};

// One value of the first axis: the rows of the study's table.
struct StudyRow {
  std::string value;
  std::vector<double> metric;                // of each strategy, mean over the cells
  std::vector<StudyMean> beside_the_others;  // of each strategy
  std::optional<Prediction> prediction;      // the same in all cells of the row
  std::optional<StudyMean> contrast;         // mean of the predicted strategies less their rivals'
};

struct StudyOutcome {
  std::string name, metric;
  std::vector<StudyAxis> axes;
  std::vector<std::string> strategies;  // those that trained and are not baselines, then the baselines
  std::vector<std::string> rivals;      // those that predictions compare
  std::string prediction_sha256;        // of all predictions together; empty: none
  std::vector<CellResult> cells;
  std::vector<StudyRow> rows;
  // The mean of the rows' contrasts: whether the theory holds over all of them.
  std::optional<StudyMean> contrast;
  std::vector<std::string> notes;
  bool interrupted = false;
  bool all_ok() const;
};

// Runs every cell into a folder of its own below compare.out and writes study.json, study.csv and report.html
// there. One that goes on must have the cells that it was begun with.
StudyOutcome run_study(const StudyRequest& request);

// The result for a terminal.
std::string study_text(const StudyOutcome& outcome);

}  // namespace thaw
