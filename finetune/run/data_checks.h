// What the parts of the data may not have in common, and what within one contradicts itself.
#pragma once

#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/data/dataset.h"

namespace thaw {

// Samples and the file that they are from.
struct Part {
  const Dataset& data;
  const std::string& path;
};

// Rows of `other` that stand in `known` too, under the same or another answer, and groups of both are said in `notes`.
// `refuse`: equal rows and groups are InputError, where data.duplicates asks for it.
void check_apart(const Config& config, const Part& known, const Part& other, bool refuse,
                 std::vector<std::string>& notes);

// Says how many rows have the inputs of an earlier one and another label or transcript. Of numbers to be predicted it is
// usual that one input was measured several times.
void note_contradictions(const Part& part, std::vector<std::string>& notes);

}  // namespace thaw
