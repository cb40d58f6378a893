// From labels as text to class indices or regression targets.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/readers.h"

namespace thaw {

// Where a sample's label stands, for messages: "iris.csv:7, row 6".
using LabelPlace = std::function<std::string(int64_t row)>;

// The samples with their labels, one text for each, understood as the source says: rows are selected, labels
// merged, classes are mapped and selected, or targets are parsed. A missing, unknown or (for regression)
// non-finite label is an error, as are rows beyond the last sample. `data` are all samples of the file, in
// order: data.id[row] == row.
Dataset with_labels(Dataset data, std::vector<std::string> labels, const DataSource& source,
                    const LabelPlace& label_place);

}  // namespace thaw
