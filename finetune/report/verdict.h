// What a comparison found, in words no stronger than its evidence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/report/comparison.h"

namespace thaw {

// One paragraph of plain text: how much was compared, what is better, worse or equivalent and what was not
// detected, which strategy has the best mean, what failed, what makes the comparison less than it seems
// (untuned, interrupted, test data looked at before), the cheapest strategy that was not found worse, and
// what became of a prediction.
std::string verdict_paragraph(const CompareOutcome& outcome);

// "a", "a and b", "a, b and c".
std::string words_list(const std::vector<std::string>& words);

// "1 run", "2 runs".
std::string count_of(std::int64_t n, const std::string& thing);

}  // namespace thaw
