// JSONL: one JSON object per line. The first one's keys are the columns; later lines have them in any order.
// A value is a number, a string, true or false; null, NaN and a key that is not there are missing values. Of
// keys that nobody reads nothing is asked.
#pragma once

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

Dataset read_jsonl(const DataSource& source);

}  // namespace thaw
