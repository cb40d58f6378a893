// Why a strategy may have a worse mean than the probe: what its recorded runs and trials show of it, and
// nothing that was not looked at.
#pragma once

#include <string>
#include <vector>

#include "finetune/report/comparison.h"

namespace thaw {

// A sentence for each thing that was seen, with what to try; empty: nothing that was looked at explains it.
// Looked at are the training loss of the run whose layers were sampled, the number of updates, and where the chosen
// learning rate stands among those that were tried.
std::vector<std::string> reasons_below_probe(const std::string& strategy, const CompareOutcome& outcome);

}  // namespace thaw
