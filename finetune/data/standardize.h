// Standardisation of features: each one less its training mean, divided by its training deviation.
#pragma once

#include <vector>

#include "finetune/data/dataset.h"

namespace thaw {

// One mean and one population deviation per feature. A feature that is constant in the training data has
// deviation 0 and becomes 0 everywhere.
struct Standardizer {
  std::vector<double> mean;
  std::vector<double> deviation;

  static Standardizer fit(const Dataset& training);

  // `data` has as many features as the training data had.
  void apply(Dataset& data) const;
};

}  // namespace thaw
