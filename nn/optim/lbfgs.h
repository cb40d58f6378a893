// L-BFGS (Nocedal & Wright 2006, algorithms 7.4 and 7.5): minimises a smooth function of a few thousand
// variables on all the data at once. For convex baselines, not for networks.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace thaw {

// Returns the value at x and writes the gradient.
using Objective = std::function<double(const std::vector<double>& x, std::vector<double>& gradient)>;

struct LbfgsOptions {
  std::int64_t most_iterations = 500;
  std::int64_t history = 10;
  double tolerance = 1e-7;  // stops when no entry of the gradient is larger
};

struct LbfgsResult {
  std::vector<double> x;
  double value = 0;
  std::int64_t iterations = 0;
  bool converged = false;
};

LbfgsResult minimise(const Objective& objective, std::vector<double> start, const LbfgsOptions& options = {});

}  // namespace thaw
