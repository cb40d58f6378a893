// The few statistics that comparisons print.
#pragma once

#include <vector>

namespace thaw {

struct Interval {
  double mean = 0, low = 0, high = 0;
};

// Mean with its two-sided 95 % interval by Student's t; the interval is the mean itself for a single value.
Interval t_interval(const std::vector<double>& values);

// The 0.975 quantile of Student's t with `degrees` >= 1 degrees of freedom.
double t_quantile_975(int degrees);

}  // namespace thaw
