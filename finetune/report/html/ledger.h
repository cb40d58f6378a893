// Where the cost of an update goes: predicted beside measured, phase by phase.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

// Of one strategy.
std::string ledger_tables(const StrategyPicture& picture);

}  // namespace thaw::report
