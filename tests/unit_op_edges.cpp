// Single promises of ops that no row of the op table can have: what is kept, and values where a formula has
// none.
#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"

namespace thaw::test {
namespace {

Tensor leaf(const std::vector<double>& values) {
  Tensor x = from_vector(values, {static_cast<std::int64_t>(values.size())}, {DType::f64});
  x.set_requires_grad();
  return x;
}

// a^0 is 1 whatever a is, and 0^b is 0 whatever b > 0 is: both slopes are 0, where the formula has 0 times
// infinity.
TEST(PowAtZero, HasNoSlopeWhereItIsConstant) {
  const Tensor a = leaf({0, 2, 0}), b = leaf({0, 0, 2});
  pow(a, b).backward(ones({3}, {DType::f64}));
  EXPECT_EQ(a.grad().to_vector(), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(b.grad().to_vector()[0], 0);
  EXPECT_NEAR(b.grad().to_vector()[1], std::log(2.0), 1e-12);
  EXPECT_EQ(b.grad().to_vector()[2], 0);
}

TEST(VarianceOfSamples, IsDividedByTheirNumberLessTheCorrection) {
  const Tensor x = from_vector({1, 2, 3, 6}, {4}, {DType::f64});  // squared deviations: 4 + 1 + 0 + 9
  EXPECT_DOUBLE_EQ(var(x, {}, 0).item(), 14.0 / 4);
  EXPECT_DOUBLE_EQ(var(x, {}, 1).item(), 14.0 / 3);
  EXPECT_DOUBLE_EQ(var(x, {}, 2).item(), 14.0 / 2);
  const Tensor y = leaf({1, 2, 3, 6});
  var(y, {}, 0).backward();
  EXPECT_EQ(y.grad().to_vector(), (std::vector<double>{-1, -0.5, 0, 1.5}));
}

// By given statistics, with its scale frozen, batch norm is a product with numbers: nothing of its input is
// needed.
TEST(FrozenNorm, SendsAGradientOnWithoutItsInput) {
  Tensor x = ones({8, 4, 5, 5});
  x.set_requires_grad();
  const Tensor input = x * 2.0;
  const Tensor statistics = ones({4}), gamma = full({4}, 3), beta = zeros({4});
  const Tensor y = batch_norm_eval(input, statistics, statistics, gamma, beta, 0);
  EXPECT_LT(graph_stats(y).saved_bytes, input.bytes());
  y.backward(ones(y.shape()));
  EXPECT_NEAR(x.grad().to_vector()[0], 6, 1e-5);
}

// As in PyTorch: of equal maxima of a window the first one has all of the gradient.
TEST(MaxPool, GivesTheGradientToTheFirstOfEqualMaxima) {
  Tensor x = from_vector({1, 3, 3, 2, 3, 3, 0, 0, 7}, {1, 1, 3, 3});
  x.set_requires_grad();
  PoolParams pairs;
  for (int d = 0; d < 2; ++d) pairs.size[d] = pairs.stride[d] = 2;
  max_pool2d(x, pairs).backward(ones({1, 1, 1, 1}));
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{0, 1, 0, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace thaw::test
