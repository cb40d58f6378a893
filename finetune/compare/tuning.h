// Tuning: the same number of trials for every candidate, on validation data and on a seed that is not
// reported.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "finetune/compare/candidate.h"

namespace thaw {

// Runs one choice and judges it on the validation data.
using RunTrial = std::function<TuningTrial(const Candidate&, const Hyperparameters&)>;

struct Tuned {
  std::optional<Hyperparameters> best;  // nothing where no trial ended well, or it was stopped
  std::vector<TuningTrial> trials;      // by learning rate, the best one marked
  std::string note;                     // see edge_note(), or that no trial ended well
  RunStatus status = RunStatus::ok;     // of a strategy whose trials did not end well: how they did
};

// Where the chosen one of these trials, which are by learning rate, is the last that was tried; else empty.
std::string edge_note(const std::string& strategy, const std::vector<TuningTrial>& trials);

// Tries the choices of hyperparameters_to_try() and, where the best of them is at an edge of the learning rates, up
// to two more beyond it (never beyond a grid that the user gave). The best value wins, ties go to the lower
// loss; a run that diverged never wins. `stopped`: asked between trials; then what was tried so far decides
// nothing.
Tuned tune(const Candidate& candidate, bool higher_is_better, const RunTrial& run_trial,
           const std::function<bool()>& stopped);

}  // namespace thaw
