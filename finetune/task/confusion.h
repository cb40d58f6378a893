// Which classes are taken for which, and what that makes of each class.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "finetune/task/metrics.h"

namespace thaw {

// How often samples of a class (first) were answered with another or itself (second). What never happened is
// not listed, so that many classes take no more room than there are samples.
using Confusion = std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t>;

// Empty for regression, and where an output is not finite.
Confusion confusion_of(const Outputs& outputs, const Dataset& data);
void add(const Confusion& from, Confusion& to);

// A ratio is nothing where it is 0 / 0: precision of a class that is never answered, recall of one that does
// not occur, F1 of one of which both holds.
struct ClassScore {
  std::int64_t support = 0;  // samples of the class
  std::int64_t answered = 0, right = 0;
  std::optional<double> precision, recall, f1;
};
std::vector<ClassScore> class_scores(const Confusion& confusion, std::size_t classes);

}  // namespace thaw
