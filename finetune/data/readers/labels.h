// From labels as text to class indices or regression targets.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

// What the spellings of one class have in common: the label without white space around it; numbers that are
// equal have one key (1, 1.0, 01, 1e0), however many digits they have.
std::string label_key(std::string_view label);

// The distinct labels, each in its shortest spelling: in numeric order if every one is an integer, else by bytes.
// A group without white space around it; "17.0" and "017" are "17", and "19.10" is not "19.1", nor "12e1" "120".
std::string group_key(std::string_view group);

std::vector<std::string> ordered_labels(const std::vector<std::string>& labels);

// The first two that are one class by their keys; nothing where all of them are different classes.
std::optional<std::pair<std::string, std::string>> find_same_labels(const std::vector<std::string>& labels);

// The names of the `rows` of a head that nobody named, where the classes say which row each of them is: whole
// numbers from 0 (0 is among them), or LABEL_0, LABEL_1, .., as transformers calls such rows. Empty where
// they do not.
std::vector<std::string> numbered_labels(const std::vector<std::string>& classes, std::int64_t rows);

// For each of `wanted` its place in `known`, by key, the first where several have it; nothing where one of
// them is not there.
std::optional<std::vector<int64_t>> places_of_labels(const std::vector<std::string>& wanted,
                                                     const std::vector<std::string>& known);

// Where a sample's label stands, for messages: "iris.csv:7, row 6".
using LabelPlace = std::function<std::string(int64_t row)>;

// The samples with their labels, one text for each, understood as the source says: rows are selected, labels
// merged, classes are mapped and selected, or targets are parsed. A missing, unknown or (for regression)
// non-finite label is an error, as are rows beyond the last sample. `data` are all samples of the file, in
// order: data[row].id == row.
Dataset with_labels(Dataset data, std::vector<std::string> labels, const DataSource& source,
                    const LabelPlace& label_place);

}  // namespace thaw
