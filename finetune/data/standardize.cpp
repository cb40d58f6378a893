#include "finetune/data/standardize.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "finetune/common/statistics.h"
#include "finetune/data/numbers.h"

namespace thaw {
namespace {

std::vector<double> feature_means(const Numbers& data) {
  std::vector<double> mean(data.sample_size, 0.0);
  for (int64_t row = 0; row < data.size(); ++row) {
    for (size_t f = 0; f < mean.size(); ++f) mean[f] += data.sample(row)[f];
  }
  for (double& m : mean) m /= static_cast<double>(data.size());
  return mean;
}

std::vector<double> population_deviations(const Numbers& data, const std::vector<double>& mean) {
  std::vector<double> squares(mean.size(), 0.0);
  for (int64_t row = 0; row < data.size(); ++row) {
    for (size_t f = 0; f < mean.size(); ++f) {
      const double difference = data.sample(row)[f] - mean[f];
      squares[f] += difference * difference;
    }
  }
  for (double& s : squares) s = std::sqrt(s / static_cast<double>(data.size()));
  return squares;
}

// The mean's rounding gives a constant feature a tiny standard deviation, so it is recognised by its values.
bool is_constant(const Numbers& data, int64_t feature) {
  for (int64_t row = 1; row < data.size(); ++row) {
    if (data.sample(row)[feature] != data.sample(0)[feature]) return false;
  }
  return true;
}

}  // namespace

Standardizer Standardizer::fit(const Dataset& training) {
  assert(training.size() > 0);
  const Numbers& numbers = numbers_of(training);
  Standardizer out;
  out.mean = feature_means(numbers);
  out.deviation = population_deviations(numbers, out.mean);
  for (int64_t f = 0; f < numbers.sample_size; ++f) {
    if (is_constant(numbers, f)) out.deviation[f] = 0;
  }
  return out;
}

void Standardizer::apply(Dataset& data) const {
  const int64_t width = numbers_of(data).sample_size;
  if (width != static_cast<int64_t>(mean.size())) {
    fail_input("standardisation was fitted on ", mean.size(), " features, the data have ", width,
               "; give data with the training columns");
  }
  auto scaled = std::make_shared<Numbers>(numbers_of(data));
  for (int64_t row = 0; row < data.size(); ++row) {
    float* sample = scaled->sample(row);
    for (int64_t f = 0; f < width; ++f) {
      sample[f] = deviation[f] == 0 ? 0.0f : static_cast<float>((sample[f] - mean[f]) / deviation[f]);
    }
  }
  data.inputs = std::move(scaled);
}

TargetScale fit_target_scale(const Dataset& training) {
  const std::vector<double> targets = training.target_values();
  TargetScale scale{mean(targets), 1};
  if (std::all_of(targets.begin(), targets.end(), [&](double target) { return target == targets.front(); }))
    return scale;
  double squares = 0;
  for (const double target : targets) squares += (target - scale.mean) * (target - scale.mean);
  scale.deviation = std::sqrt(squares / static_cast<double>(targets.size()));
  return scale;
}

void scale_targets(const TargetScale& scale, Dataset& data) {
  for (Sample& sample : data.samples) sample.target = (sample.target - scale.mean) / scale.deviation;
  data.target_scale = scale;
}

}  // namespace thaw
