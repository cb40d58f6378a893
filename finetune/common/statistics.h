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

// Cut at what can be: the true value is never outside, so that the interval holds it as often as before.
Interval within(Interval interval, const Bounds& bounds);

// Of at least one value.
double mean(const std::vector<double>& values);

// Of at least one value.
double median(std::vector<double> values);

// Mean with its two-sided 95 % interval by Student's t, within `bounds`; the interval is the mean itself for
// a single value.
Interval t_interval(const std::vector<double>& values, const Bounds& bounds = {});

// P(|T| > t) for Student's t with `degrees` > 0 degrees of freedom, t >= 0.
double t_tail(double t, double degrees);

// The t with t_tail(t, degrees) = tail, for a tail between 0 and 1: of 0.05 the 0.975 quantile.
double t_quantile(double tail, double degrees);

// P(|T| > critical) for noncentral t, T = (Z + shift) / sqrt(chi^2 / degrees): the probability that a test
// finds a difference of `shift` standard errors, where the standard error is estimated too. degrees >= 1.
double t_power(double shift, double critical, double degrees);

// The least shift >= 0 with t_power(shift, critical, degrees) = power, for a power above that at 0.
double t_shift(double power, double critical, double degrees);

}  // namespace thaw
