// The ledger as JSON, and as a table for people.
#pragma once

#include <string>

#include "finetune/train/ledger.h"

namespace thaw {

// The text of ledger.json.
std::string ledger_json(const Ledger& ledger);

// The predictions as a table for a terminal: phases, trainable share, FLOPs by section, bytes; the total
// relative to `everything` too, what an update costs that trains all, where it is given.
std::string ledger_text(const Ledger& ledger, const StepCost* everything = nullptr);

}  // namespace thaw
