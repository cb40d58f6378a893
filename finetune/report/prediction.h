// Predictions: what is said to win before anything runs, and whether it did.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/report/comparison.h"

namespace thaw {

// Empty where nothing is predicted.
inline std::string hash_of(const std::optional<Prediction>& prediction) {
  return prediction ? prediction->sha256 : "";
}

// Of compare.predict and compare.prediction; nothing where no strategy is named. The rivals are the other
// strategies of the comparison but `full`, which holds every one of them. InputError where one that is to
// win does not take part, or where no rival is left.
std::optional<Prediction> make_prediction(const CompareSection& compare);

// Those of `among` that are not predicted to win.
std::vector<std::string> rivals_of(const Prediction& prediction);

// "first, second before third, fourth: why (sha256 ...)"
std::string describe(const Prediction& prediction);

// Whether it came true: the mean score of the predicted strategies less that of their rivals, seed by seed
// and example by example. Unset where a run of one of them did not end well.
void judge(Prediction& prediction, const CompareOutcome& outcome, std::uint64_t seed);

}  // namespace thaw
