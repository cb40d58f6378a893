// What a reader of a comparison's table has to know of single rows, and of how its rates and intervals came
// about: the same words on the terminal and in the report.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "finetune/report/comparison.h"

namespace thaw {

inline constexpr const char* kIntervals =
    "a 95 % interval over seeds and test examples; of differences to full for all strategies at once, paired "
    "(hierarchical bootstrap)";

struct Footnote {
  std::function<bool(const StrategySummary&)> applies;
  std::string words;
};

// Those that apply to some strategy.
std::vector<Footnote> footnotes_of(const CompareOutcome& outcome);

// Which multiple of train.lr the learning rates that were tried, or run, are around: " Tried around ..", or
// empty.
std::string rates_text(const CompareOutcome& outcome);

}  // namespace thaw
