#include "tests/support/gradcheck.h"

#include <cmath>

#include "core/autograd.h"

namespace thaw::test {
namespace {

constexpr double kEps = 1e-6;
constexpr double kAtol = 1e-5;
constexpr double kRtol = 1e-3;

std::vector<Tensor> make_leaves(const OpSample& sample) {
  std::vector<Tensor> leaves = make_tensors(sample, DType::f64);
  for (std::size_t i = 0; i < sample.size(); ++i)
    if (sample[i].differentiable) leaves[i].set_requires_grad();
  return leaves;
}

std::vector<double> values_or_empty(const Tensor& t) {
  return t.defined() ? t.to_vector() : std::vector<double>();
}

double element(const std::vector<double>& all, std::size_t i) { return i < all.size() ? all[i] : 0.0; }

// d outputs / d (element `e` of input `i`): one column of every output's Jacobian.
std::vector<std::vector<double>> numeric_column(const Function& function, OpSample sample, std::size_t i,
                                                std::size_t e) {
  double& x = sample[i].value.values[e];
  const double middle = x;
  x = middle + kEps;
  const std::vector<Tensor> above = function(make_leaves(sample));
  x = middle - kEps;
  const std::vector<Tensor> below = function(make_leaves(sample));
  std::vector<std::vector<double>> column;
  for (std::size_t o = 0; o < above.size(); ++o) {
    column.push_back(values_or_empty(above[o]));
    const std::vector<double> low = values_or_empty(below[o]);
    for (std::size_t k = 0; k < column[o].size(); ++k) column[o][k] = (column[o][k] - low[k]) / (2 * kEps);
  }
  return column;
}

// Row k: the gradients, for every input, of element k of the output.
using Rows = std::vector<std::vector<std::vector<double>>>;

Rows analytic_rows(const Tensor& output, const std::vector<Tensor>& leaves) {
  Rows rows;
  if (!output.defined()) return rows;
  for (std::int64_t k = 0; k < output.numel(); ++k) {
    std::vector<std::vector<double>> row(leaves.size());
    if (needs_grad(output)) {
      std::vector<double> unit(static_cast<std::size_t>(output.numel()), 0.0);
      unit[static_cast<std::size_t>(k)] = 1;
      const Tensor dy = from_vector(unit, output.shape(), {DType::f64});
      const std::vector<Tensor> gradients = grad(output, leaves, dy, {.retain_graph = true});
      for (std::size_t i = 0; i < leaves.size(); ++i) row[i] = values_or_empty(gradients[i]);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

::testing::AssertionResult gradcheck(const Function& function, const OpSample& sample) {
  const std::vector<Tensor> leaves = make_leaves(sample);
  std::vector<Rows> analytic;
  for (const Tensor& output : function(leaves)) analytic.push_back(analytic_rows(output, leaves));

  for (std::size_t i = 0; i < sample.size(); ++i) {
    if (!sample[i].differentiable) continue;
    for (std::size_t e = 0; e < sample[i].value.values.size(); ++e) {
      const auto column = numeric_column(function, sample, i, e);
      for (std::size_t o = 0; o < column.size(); ++o)
        for (std::size_t k = 0; k < column[o].size(); ++k) {
          const double expected = column[o][k];
          const double got = k < analytic[o].size() ? element(analytic[o][k][i], e) : 0.0;
          if (std::fabs(got - expected) <= kAtol + kRtol * std::fabs(expected)) continue;
          return ::testing::AssertionFailure()
                 << "d output " << o << " [" << k << "] / d input " << i << " [" << e << "] is " << got
                 << ", the central difference " << expected;
        }
    }
  }
  return ::testing::AssertionSuccess();
}

Function gradient_function(const std::function<Tensor(const std::vector<Tensor>&)>& op,
                           const OpSample& sample) {
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i + 1 < sample.size(); ++i)
    if (sample[i].differentiable) wanted.push_back(i);
  return [op, wanted](const std::vector<Tensor>& all) {
    const std::vector<Tensor> inputs(all.begin(), all.end() - 1);
    std::vector<Tensor> leaves;
    for (const std::size_t i : wanted) leaves.push_back(inputs[i]);
    return grad(op(inputs), leaves, all.back(), {.create_graph = true});
  };
}

}  // namespace thaw::test
