// Standardisation of features and of targets by the mean and the population standard deviation of the training data:
//   x' = (x - mean) / deviation
//   deviation = sqrt(sum((x - mean)^2) / n)
#pragma once

#include <cstdint>
#include <vector>

#include "finetune/data/dataset.h"

namespace thaw {

// One mean and one standard deviation per feature. A feature that is constant in the training data has
// deviation 0 and becomes 0 everywhere.
// Of images there may be one for each channel.
struct Standardizer {
  std::vector<double> mean;
  std::vector<double> deviation;

  static Standardizer fit(const Dataset& training);

  // With a value for each number of a sample of this shape. As it is, or with a channel's value for each of its pixels
  // [C, H, W]. InputError where it is neither.
  Standardizer of_shape(const std::vector<std::int64_t>& shape) const;
  // Scales one sample, which has as many numbers as there are means.
  void apply(float* sample) const;
  // Gives `data` scaled inputs; others that share the old ones keep them. InputError where it has another number of
  // features than the training data had.
  void apply(Dataset& data) const;
};

// The mean and deviation of the training targets; of equal ones the deviation is 1.
TargetScale fit_target_scale(const Dataset& training);

// Gives `data` targets of that scale; until now they are as they were read.
void scale_targets(const TargetScale& scale, Dataset& data);

}  // namespace thaw
