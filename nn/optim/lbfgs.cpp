#include "nn/optim/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

#include "core/ops.h"

namespace thaw {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double largest(const Vector& v) {
  double most = 0;
  for (const double value : v) most = std::max(most, std::abs(value));
  return most;
}

// x + scale * y
Vector sum(const Vector& x, double scale, const Vector& y) {
  Vector z = x;
  for (std::size_t i = 0; i < z.size(); ++i) z[i] += scale * y[i];
  return z;
}

struct Step {
  Vector s, y;  // the changes of x and of the gradient
};

// The direction -H g by the two-loop recursion over the last steps (Nocedal & Wright, algorithm 7.4). The
// recursion starts from H0 = gamma I (equation 7.20):
//   gamma = s^T y / (y^T y)
Vector direction(const Vector& gradient, const std::deque<Step>& steps) {
  Vector q = gradient;
  Vector alpha(steps.size());
  for (std::size_t i = steps.size(); i-- > 0;) {
    alpha[i] = dot(steps[i].s, q) / dot(steps[i].s, steps[i].y);
    q = sum(q, -alpha[i], steps[i].y);
  }
  if (!steps.empty()) {
    const Step& last = steps.back();
    const double scale = dot(last.s, last.y) / dot(last.y, last.y);
    for (double& value : q) value *= scale;
  }
  for (std::size_t i = 0; i < steps.size(); ++i)
    q = sum(q, alpha[i] - dot(steps[i].y, q) / dot(steps[i].s, steps[i].y), steps[i].s);
  for (double& value : q) value = -value;
  return q;
}

}  // namespace

LbfgsResult minimise(const Objective& objective, std::vector<double> start, const LbfgsOptions& options) {
  constexpr double kArmijo = 1e-4;  // c1 of the sufficient decrease, f(x + a d) <= f(x) + c1 a d^T g
  constexpr int kMostHalvings = 50;
  LbfgsResult result{std::move(start), 0, 0, false};
  Vector gradient(result.x.size()), next_gradient(result.x.size());
  result.value = objective(result.x, gradient);
  std::deque<Step> steps;
  for (; result.iterations < options.most_iterations; ++result.iterations) {
    result.converged = largest(gradient) <= options.tolerance;
    if (result.converged) break;
    const Vector d = direction(gradient, steps);
    const double slope = dot(gradient, d);
    // The first step knows no curvature: no entry of x moves by more than 1.
    double length = steps.empty() ? std::min(1.0, 1 / largest(gradient)) : 1.0;
    Vector next;
    double value = 0;
    int halvings = 0;
    for (; halvings < kMostHalvings; ++halvings, length /= 2) {
      next = sum(result.x, length, d);
      value = objective(next, next_gradient);
      if (value <= result.value + kArmijo * length * slope) break;
    }
    if (halvings == kMostHalvings) {
      // Either the limit of double precision, or a direction spoilt by old steps: then the gradient alone is
      // tried.
      if (steps.empty()) break;
      steps.clear();
      continue;
    }
    Step step{sum(next, -1, result.x), sum(next_gradient, -1, gradient)};
    // A step without positive curvature would spoil the approximation of the Hessian.
    if (dot(step.s, step.y) > 1e-12 * dot(step.y, step.y)) steps.push_back(std::move(step));
    if (static_cast<std::int64_t>(steps.size()) > options.history) steps.pop_front();
    result.x = std::move(next);
    result.value = value;
    gradient = next_gradient;
  }
  return result;
}

}  // namespace thaw
