// Seeded choices of samples: splits, subsets, duplicates. Every choice is a function of the seed and the
// samples' ids, never of the order in which rows stand or of what was drawn before.
//
// A split into "rest" and "taken" keeps whole units together: rows that are identical (features and label),
// and rows of one group. It is stratified: each class gives its share, rounded by largest remainder so that
// the shares add up to the wanted total; regression data are one stratum. Units are tried in random order and
// one is taken if that brings the counts per class nearer to these shares, so that the sizes are exact where
// every unit is one row.
#pragma once

#include <cstdint>
#include <vector>

#include "finetune/data/dataset.h"

namespace thaw {

// Rows of a data set, ascending.
struct Split {
  std::vector<int64_t> rest;
  std::vector<int64_t> taken;
};

// Takes about `fraction` of the samples, at least one and never all; a class keeps one sample in the rest
// where it can. InputError if the fraction is not between 0 and 1 or the data cannot be parted.
Split split_dataset(const Dataset& data, double fraction, uint64_t seed);

// `count` rows of each class, ascending. InputError for regression data or a class that has fewer.
std::vector<int64_t> draw_per_class(const Dataset& data, int64_t count, uint64_t seed);

// `count` rows, stratified, ascending; every row if there are no more. InputError if `count` is not positive.
std::vector<int64_t> draw_rows(const Dataset& data, int64_t count, uint64_t seed);

// Two rows with the same features and the same label (or target, or neither).
struct Duplicate {
  int64_t first_row;
  int64_t second_row;
};

// Each row of `second` that `first` has too, with the first place it has it. Labels are compared as class
// indices: both data sets must have the same classes.
std::vector<Duplicate> find_duplicates(const Dataset& first, const Dataset& second);
// The same of rows with the same features, whatever their labels.
std::vector<Duplicate> find_same_inputs(const Dataset& first, const Dataset& second);

}  // namespace thaw
