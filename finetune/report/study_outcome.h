// What a study found, as data: everything that its table, its report and its files are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/report/comparison.h"

namespace thaw {

struct CellResult {
  std::vector<std::size_t> values;  // of each axis
  std::string folder;               // relative to the study's
  CompareOutcome outcome;
};

// Mean over cells of by how much the metric of a strategy is better than the mean of its rivals' in the cell
// (so positive is good of an error too), with its 95 % interval by Student's t over the values of the random
// axes. Without a random axis there is no interval: conditions that were chosen are no sample.
struct StudyMean {
  Interval interval;
  std::int64_t units = 0;  // over which the interval is; 0: no interval
};

// One value of the first axis: the rows of the study's table.
struct StudyRow {
  std::string value;
  // Of each strategy, mean over the row's cells; none where a run of it did not end well in one of them.
  std::vector<std::optional<double>> metric;
  std::vector<std::optional<StudyMean>> beside_the_others;
  std::optional<Prediction> prediction;  // the same in all cells of the row
  std::optional<StudyMean> contrast;     // mean of the predicted strategies less their rivals'
};

struct StudyOutcome {
  std::string name, metric;
  std::vector<StudyAxis> axes;
  std::vector<std::string> strategies;  // those that trained and are not baselines, then the baselines
  std::vector<std::string> rivals;      // those that have all of their runs in every cell
  std::string prediction_sha256;        // of all predictions together; empty: none
  std::vector<CellResult> cells;
  std::vector<StudyRow> rows;
  // The mean of the rows' contrasts: whether the theory holds over all of them. This is the one that is
  // judged; the rows' intervals are each 95 % by itself.
  std::optional<StudyMean> contrast;
  std::int64_t unjudged = 0;  // cells with a prediction and without the runs to judge it; then no contrast
  std::vector<std::string> notes;
  bool interrupted = false;
  bool all_ok() const;
};

}  // namespace thaw
