// The order of the samples, beside an exported script: which rows of the data are trained on and evaluated, and which of
// them each update sees.
#pragma once

#include "finetune/data/batch.h"
#include "finetune/preprocess/prepared_data.h"
#include "nn/io/files.h"

namespace thaw {

// JSON, a line for each update. Rows are counted from 0, as they stand in the data file; with the rows stand their
// targets and a sum over their inputs, by which the script knows that it has read the same samples.
void write_order(FileWriter& file, const PreparedData& data, BatchPlan batches, std::int64_t updates);

}  // namespace thaw
