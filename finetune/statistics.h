// The few statistics that comparisons print.
#pragma once

#include <vector>

namespace thaw {

struct Interval {
  double mean = 0, low = 0, high = 0;
};

// Mean with its two-sided 95 % interval by Student's t; the interval is the mean itself for a single value.
Interval t_interval(const std::vector<double>& values);

// P(|T| > t) for Student's t with `degrees` > 0 degrees of freedom, t >= 0.
double t_tail(double t, double degrees);

// The t with t_tail(t, degrees) = tail, for a tail between 0 and 1: of 0.05 the 0.975 quantile.
double t_quantile(double tail, double degrees);

}  // namespace thaw
