// The result of a comparison for a terminal: the verdict, a table that fits, and what explains it.
#pragma once

#include <cstddef>
#include <string>

#include "finetune/report/comparison.h"

namespace thaw {

// The result as a table for a terminal of `width` columns. What is too wide for it is said in fewer words,
// and without peak memory and then seconds.
std::string summary_text(const CompareOutcome& outcome, std::size_t width = 120);

}  // namespace thaw
