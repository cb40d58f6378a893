// Tuning: the same number of trials for every contender, on validation data and on a seed that is not
// reported.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "finetune/compare/contender.h"

namespace thaw {

// Runs one choice and judges it on the validation data.
using RunTrial = std::function<TuningTrial(const Contender&, const Choice&)>;

struct Tuned {
  Choice best;
  std::vector<TuningTrial> trials;  // by learning rate, the best one marked
  std::string note;                 // where the best learning rate is the last that was tried
};

// Tries the choices of choices_to_try() and, where the best of them is at an edge of the learning rates, up
// to two more beyond it (never beyond a grid that the user gave). The best value wins, ties go to the lower
// loss; a run that diverged never wins. `stopped`: asked between trials; then what was tried so far decides
// nothing and `best` is the first choice.
Tuned tune(const Contender& contender, bool higher_is_better, const RunTrial& run_trial,
           const std::function<bool()>& stopped);

}  // namespace thaw
