#include "finetune/task/regression_metrics.h"

#include <cmath>

#include "finetune/common/statistics.h"
#include "finetune/task/evaluate.h"

namespace thaw {
namespace {

// In the targets' own unit.
std::vector<double> errors(const Outputs& outputs, const Dataset& data) {
  std::vector<double> errors;
  for (std::int64_t i = 0; i < data.size(); ++i)
    errors.push_back((*outputs.row(i) - data[i].target) * data.target_scale.deviation);
  return errors;
}

}  // namespace

Scored squared_error(const Outputs& outputs, const Dataset& data) {
  std::vector<double> squares = errors(outputs, data);
  for (double& error : squares) error *= error;
  return {mean(squares), squares};
}

//   influence: (e^2 - rmse^2) / (2 rmse)
Scored rmse(const Outputs& outputs, const Dataset& data) {
  Scored scored = squared_error(outputs, data);
  const double square = scored.value, value = std::sqrt(square);
  scored.value = value;
  for (double& score : scored.scores) score = value > 0 ? value + (score - square) / (2 * value) : 0;
  return scored;
}

Scored mae(const Outputs& outputs, const Dataset& data) {
  std::vector<double> absolute = errors(outputs, data);
  for (double& error : absolute) error = std::abs(error);
  return {mean(absolute), absolute};
}

//   with S = mean(e^2), T = mean((t - mean)^2), r2 = 1 - S / T; influence: (S / T (t - mean)^2 - e^2) / T
//   (that of the targets' mean is 0)
Scored r2(const Outputs& outputs, const Dataset& data) {
  Scored scored = squared_error(outputs, data);
  const double squared = scored.value, centre = mean(data.target_values());
  std::vector<double> distances;
  for (const Sample& sample : data.samples) {
    const double distance = (sample.target - centre) * data.target_scale.deviation;
    distances.push_back(distance * distance);
  }
  const double spread = mean(distances);
  scored.value = spread > 0 ? 1 - squared / spread : (squared == 0 ? 1 : 0);
  if (data.size() == 1) scored.value = NAN;
  for (std::size_t i = 0; i < distances.size(); ++i) {
    const double influence = spread > 0 ? (squared / spread * distances[i] - scored.scores[i]) / spread : 0;
    scored.scores[i] = scored.value + influence;
  }
  return scored;
}

}  // namespace thaw
