// The page of a learning-rate range test: the loss against the rate, and what was read there.
#pragma once

#include <string>

#include "finetune/run/lr_find.h"

namespace thaw::report {

// A whole page that needs nothing else. `summary`: what the terminal says, a paragraph a line. `readings` may
// be null: then none is marked.
std::string lr_sweep_page(const std::string& name, const Sweep& sweep, const RateReadings* readings,
                          const std::vector<std::string>& summary);

}  // namespace thaw::report
