#include "finetune/common/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace thaw {
namespace {

// The continued fraction of the incomplete beta function (DLMF 8.17.22), without the factor before it:
//   I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) * 1 / (1 + d_1 / (1 + d_2 / (1 + ...)))
//   d_{2m} = m (b - m) x / ((a + 2m - 1) (a + 2m))
//   d_{2m+1} = -(a + m) (a + b + m) x / ((a + 2m) (a + 2m + 1))
// It is evaluated by Lentz's method as modified by Thompson and Barnett (1986), and converges fast where
//   x < (a + 1) / (a + b + 2)
double beta_fraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double fraction = 1, c = 1, d = 0;
  for (int step = 1; step < 2000; ++step) {
    const int pair = step / 2;
    const double m = pair;
    const double term = step % 2 == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                                      : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + term * d);
    c = away_from_zero(1 + term / c);
    fraction *= c * d;
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  return 1 / fraction;
}

// The incomplete beta function I_x(a, b) (DLMF 8.17.2). Where the continued fraction converges slowly, the
// symmetry serves (DLMF 8.17.4):
//   I_x(a, b) = 1 - I_{1-x}(b, a)
double incomplete_beta(double x, double a, double b) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front / a * beta_fraction(x, a, b);
  return 1 - front / b * beta_fraction(1 - x, b, a);
}

}  // namespace

double t_tail(double t, double degrees) {
  return incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

double t_quantile(double tail, double degrees) {
  double low = 0, high = 1;
  while (t_tail(high, degrees) > tail) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (t_tail(middle, degrees) > tail ? low : high) = middle;
  }
  return (low + high) / 2;
}

// The mean of the probability given s = sqrt(chi^2 / degrees), over s:
//   P(|T| > critical | s) = Phi(shift - critical s) + Phi(-shift - critical s)
// The density of s is in proportion to
//   s^(degrees - 1) e^(-degrees s^2 / 2)
// The midpoint rule is used over all s that are not negligible.
double t_power(double shift, double critical, double degrees) {
  constexpr int kPoints = 80;
  const auto normal = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  const double width = 8 / std::sqrt(2 * degrees);
  const double low = std::max(0.0, 1 - width), step = (1 + width - low) / kPoints;
  double found = 0, all = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double s = low + (i + 0.5) * step;
    const double weight = std::exp((degrees - 1) * std::log(s) - degrees * (s * s - 1) / 2);
    found += weight * (normal(shift - critical * s) + normal(-shift - critical * s));
    all += weight;
  }
  return found / all;
}

double t_shift(double power, double critical, double degrees) {
  double low = 0, high = 1;
  while (t_power(high, critical, degrees) < power) high *= 2;
  for (int i = 0; i < 30; ++i) {
    const double middle = (low + high) / 2;
    (t_power(middle, critical, degrees) < power ? low : high) = middle;
  }
  return (low + high) / 2;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Interval within(Interval interval, const Bounds& bounds) {
  interval.low = std::clamp(interval.low, bounds.low, bounds.high);
  interval.high = std::clamp(interval.high, bounds.low, bounds.high);
  return interval;
}

Interval t_interval(const std::vector<double>& values, const Bounds& bounds) {
  const auto n = static_cast<double>(values.size());
  const double mean = thaw::mean(values);
  if (values.size() < 2) return {mean, mean, mean};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = t_quantile(0.05, n - 1) * std::sqrt(squares / (n - 1) / n);
  return within({mean, mean - half, mean + half}, bounds);
}

}  // namespace thaw
