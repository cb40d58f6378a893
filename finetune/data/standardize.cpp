#include "finetune/data/standardize.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>

#include "core/error.h"
#include "finetune/common/statistics.h"
#include "finetune/data/numbers.h"
#include "finetune/data/pictures.h"

namespace thaw {
namespace {

// Calls visit(numbers) for each sample, in order.
template <class Visit>
void for_each_sample(const Dataset& data, const Visit& visit) {
  const Pictures* pictures = find_pictures(data);
  for (std::int64_t row = 0; row < data.size(); ++row) {
    if (pictures != nullptr)
      visit(pictures->values(row).data());
    else
      visit(numbers_of(data).sample(row));
  }
}

std::size_t numbers_in(const std::vector<std::int64_t>& shape) {
  return static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

std::vector<double> feature_means(const Dataset& data) {
  std::vector<double> mean(numbers_in(data.sample_shape()), 0.0);
  for_each_sample(data, [&](const float* sample) {
    for (std::size_t f = 0; f < mean.size(); ++f) mean[f] += sample[f];
  });
  for (double& m : mean) m /= static_cast<double>(data.size());
  return mean;
}

std::vector<double> population_deviations(const Dataset& data, const std::vector<double>& mean) {
  std::vector<double> squares(mean.size(), 0.0);
  for_each_sample(data, [&](const float* sample) {
    for (std::size_t f = 0; f < mean.size(); ++f) {
      const double difference = sample[f] - mean[f];
      squares[f] += difference * difference;
    }
  });
  for (double& s : squares) s = std::sqrt(s / static_cast<double>(data.size()));
  return squares;
}

// The mean's rounding gives a constant feature a tiny standard deviation, so it is recognised by its values.
std::vector<bool> constant_features(const Dataset& data) {
  std::vector<float> first;
  std::vector<bool> constant(numbers_in(data.sample_shape()), true);
  for_each_sample(data, [&](const float* sample) {
    if (first.empty()) first.assign(sample, sample + constant.size());
    for (std::size_t f = 0; f < constant.size(); ++f)
      if (sample[f] != first[f]) constant[f] = false;
  });
  return constant;
}

}  // namespace

Standardizer Standardizer::fit(const Dataset& training) {
  assert(training.size() > 0);
  Standardizer out;
  out.mean = feature_means(training);
  out.deviation = population_deviations(training, out.mean);
  const std::vector<bool> constant = constant_features(training);
  for (std::size_t f = 0; f < constant.size(); ++f)
    if (constant[f]) out.deviation[f] = 0;
  return out;
}

Standardizer Standardizer::of_shape(const std::vector<std::int64_t>& shape) const {
  const std::size_t numbers = numbers_in(shape);
  if (mean.size() == numbers) return *this;
  if (shape.size() != 3 || static_cast<std::int64_t>(mean.size()) != shape[0])
    fail_input("standardisation was fitted on ", mean.size(), " features, the data have ", numbers,
               "; give data with the training columns");
  Standardizer out;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    out.mean.insert(out.mean.end(), numbers / mean.size(), mean[c]);
    out.deviation.insert(out.deviation.end(), numbers / mean.size(), deviation[c]);
  }
  return out;
}

void Standardizer::apply(float* sample) const {
  for (std::size_t f = 0; f < mean.size(); ++f)
    sample[f] = deviation[f] == 0 ? 0.0f : static_cast<float>((sample[f] - mean[f]) / deviation[f]);
}

void Standardizer::apply(Dataset& data) const {
  if (const Pictures* pictures = find_pictures(data)) {
    data.inputs = std::make_shared<const Pictures>(*pictures, *this);
    return;
  }
  auto scaled = std::make_shared<Numbers>(numbers_of(data));
  const Standardizer each = of_shape(scaled->shape);
  for (std::int64_t row = 0; row < data.size(); ++row) each.apply(scaled->sample(row));
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
