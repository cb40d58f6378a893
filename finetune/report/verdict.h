// What a comparison found, in words no stronger than its evidence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/report/comparison.h"

namespace thaw {

// The most important first: what is better, worse or equivalent, what was not detected, which strategy has the
// best mean, the cheapest that was not found worse, how much was compared and what makes that less than it
// seems (untuned, test data evaluated on before), what failed, and what became of a prediction.
std::vector<std::string> verdict_points(const CompareOutcome& outcome);
// The same as one paragraph.
std::string verdict_paragraph(const CompareOutcome& outcome);

// "a", "a and b", "a, b and c".
std::string words_list(const std::vector<std::string>& words);

// "1 run", "2 runs".
std::string count_of(std::int64_t n, const std::string& thing);

}  // namespace thaw
