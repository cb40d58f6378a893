#include "finetune/statistics.h"

#include <cmath>
#include <numbers>

namespace thaw {
namespace {

// P(|T| <= t) for Student's t: the finite sums of Abramowitz & Stegun 1964, 26.7.3 (odd) and 26.7.4 (even).
double central_probability(double t, int degrees) {
  const double theta = std::atan2(t, std::sqrt(degrees));
  const double cos2 = std::cos(theta) * std::cos(theta);
  const bool odd = degrees % 2 == 1;
  double term = odd ? std::cos(theta) : 1.0;
  double sum = degrees == 1 ? 0.0 : term;
  for (int k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= cos2 * (k - 1) / k;
    sum += term;
  }
  if (odd) return 2 / std::numbers::pi * (theta + std::sin(theta) * sum);
  return std::sin(theta) * sum;
}

}  // namespace

double t_quantile_975(int degrees) {
  double low = 0, high = 20;  // the largest quantile, of one degree, is 12.7
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (central_probability(middle, degrees) < 0.95 ? low : high) = middle;
  }
  return (low + high) / 2;
}

Interval t_interval(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += value / n;
  if (values.size() < 2) return {mean, mean, mean};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = t_quantile_975(static_cast<int>(values.size()) - 1) * std::sqrt(squares / (n - 1) / n);
  return {mean, mean - half, mean + half};
}

}  // namespace thaw
