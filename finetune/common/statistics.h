// The few statistics that comparisons print.
#pragma once

#include <cmath>
#include <vector>

namespace thaw {

struct Interval {
  double mean = 0, low = 0, high = 0;
};

// What a value can be at all.
struct Bounds {
  double low = -INFINITY, high = INFINITY;
  bool both() const { return std::isfinite(low) && std::isfinite(high); }
};

// Cuts the interval at the bounds. The true value is never outside them, so the interval holds it as often as
// before.
Interval within(Interval interval, const Bounds& bounds);

// Of at least one value.
double mean(const std::vector<double>& values);

// Of at least one value.
double median(std::vector<double> values);

// Mean with its two-sided 95 % interval by Student's t, within `bounds`. For n values with standard
// deviation s:
//   mean +- t[n - 1] * s / sqrt(n)
// For a single value the interval is the mean itself.
Interval t_interval(const std::vector<double>& values, const Bounds& bounds = {});

// P(|T| > t) for Student's t with `degrees` > 0 degrees of freedom and t >= 0 (Abramowitz & Stegun 26.7.1):
//   P(|T| > t) = I_x(degrees / 2, 1 / 2)
//   x = degrees / (degrees + t^2)
double t_tail(double t, double degrees);

// The t with t_tail(t, degrees) = tail, for a tail between 0 and 1: of 0.05 the 0.975 quantile.
double t_quantile(double tail, double degrees);

// P(|T| > critical) for the noncentral t distribution, degrees >= 1:
//   T = (Z + shift) / sqrt(chi^2 / degrees)
// It is the probability that a test finds a difference of `shift` standard errors, where the standard error
// is estimated too.
double t_power(double shift, double critical, double degrees);

// The least shift >= 0 with t_power(shift, critical, degrees) = power, for a power above that at 0.
double t_shift(double power, double critical, double degrees);

}  // namespace thaw
