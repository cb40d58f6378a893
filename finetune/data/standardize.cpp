#include "finetune/data/standardize.h"

#include <cassert>
#include <cmath>

#include "core/error.h"

namespace thaw {
namespace {

std::vector<double> feature_means(const Dataset& data) {
  std::vector<double> mean(data.sample_size(), 0.0);
  for (int64_t row = 0; row < data.size(); ++row) {
    for (size_t f = 0; f < mean.size(); ++f) mean[f] += data.sample(row)[f];
  }
  for (double& m : mean) m /= static_cast<double>(data.size());
  return mean;
}

std::vector<double> population_deviations(const Dataset& data, const std::vector<double>& mean) {
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
bool is_constant(const Dataset& data, int64_t feature) {
  for (int64_t row = 1; row < data.size(); ++row) {
    if (data.sample(row)[feature] != data.sample(0)[feature]) return false;
  }
  return true;
}

}  // namespace

Standardizer Standardizer::fit(const Dataset& training) {
  assert(training.size() > 0);
  Standardizer out;
  out.mean = feature_means(training);
  out.deviation = population_deviations(training, out.mean);
  for (int64_t f = 0; f < training.sample_size(); ++f) {
    if (is_constant(training, f)) out.deviation[f] = 0;
  }
  return out;
}

void Standardizer::apply(Dataset& data) const {
  if (data.sample_size() != static_cast<int64_t>(mean.size())) {
    fail_input("standardisation was fitted on ", mean.size(), " features, the data have ", data.sample_size(),
               "; give data with the training columns");
  }
  const int64_t width = data.sample_size();
  for (int64_t row = 0; row < data.size(); ++row) {
    float* sample = data.x.data() + row * width;
    for (int64_t f = 0; f < width; ++f) {
      sample[f] = deviation[f] == 0 ? 0.0f : static_cast<float>((sample[f] - mean[f]) / deviation[f]);
    }
  }
}

}  // namespace thaw
