// What the op table cannot say of elementwise kernels and reductions: special values, kinks, accuracy near
// the ends of the range, ties, bfloat16 rounding, and sums that naive code gets wrong.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/ops.h"
#include "kernels/scalar.h"

namespace thaw::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

std::vector<double> applied(Tensor (*op)(const Tensor&), const std::vector<double>& x) {
  return op(from_vector(x, {static_cast<std::int64_t>(x.size())})).to_vector();
}

// Largest error of an f32 op over an even grid, in units of 2^-23 of the exact value: one to two in the last
// place.
double worst_ulps(Tensor (*op)(const Tensor&), double (*exact)(double), double low, double high) {
  constexpr int kPoints = 20011;
  std::vector<double> x(kPoints);
  for (int i = 0; i < kPoints; ++i)
    x[static_cast<std::size_t>(i)] = static_cast<float>(low + (high - low) * i / (kPoints - 1));
  const std::vector<double> y = applied(op, x);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double want = exact(x[i]);
    const double ulp = std::max(std::fabs(want) * 0x1p-23, 1.5e-45);
    worst = std::max(worst, std::fabs(y[i] - want) / ulp);
  }
  return worst;
}

TEST(VectorMath, IsWithinTwoUlpsOfTheExactValue) {
  EXPECT_LT(worst_ulps(
                exp, [](double x) { return std::exp(x); }, -103, 88.7),
            2);
  EXPECT_LT(worst_ulps(
                exp, [](double x) { return std::exp(x); }, -1, 1),
            2);
  EXPECT_LT(worst_ulps(
                log, [](double x) { return std::log(x); }, 1e-3, 3),
            2);
  EXPECT_LT(worst_ulps(
                log, [](double x) { return std::log(x); }, 1e-39, 1e-37),
            2);
  EXPECT_LT(worst_ulps(
                tanh, [](double x) { return std::tanh(x); }, -12, 12),
            2);
}

TEST(VectorMath, IsRightAtTheEnds) {
  const std::vector<double> x = {0, kInfinity, -kInfinity, kNan, 100, -200, 1e-40};
  const std::vector<double> e = applied(exp, x);
  EXPECT_EQ(e[0], 1);
  EXPECT_EQ(e[1], kInfinity);
  EXPECT_EQ(e[2], 0);
  EXPECT_TRUE(std::isnan(e[3]));
  EXPECT_EQ(e[4], kInfinity);
  EXPECT_EQ(e[5], 0);
  const std::vector<double> l = applied(log, x);
  EXPECT_EQ(l[0], -kInfinity);
  EXPECT_EQ(l[1], kInfinity);
  EXPECT_TRUE(std::isnan(l[2]) && std::isnan(l[3]) && std::isnan(l[5]));
  EXPECT_NEAR(l[6], std::log(1e-40), 1e-4);
  const std::vector<double> t = applied(tanh, x);
  EXPECT_EQ(t[1], 1);
  EXPECT_EQ(t[2], -1);
  EXPECT_TRUE(std::isnan(t[3]));
}

TEST(Activations, StayFiniteWhereTheFormulaWouldNot) {
  EXPECT_EQ(applied(softplus, {1000, -1000})[0], 1000);
  EXPECT_EQ(applied(softplus, {1000, -1000})[1], 0);
  EXPECT_EQ(applied(sigmoid, {-1000, 1000}), (std::vector<double>{0, 1}));
  EXPECT_EQ(applied(gelu, {-100, 100}), (std::vector<double>{0, 100}));
  EXPECT_EQ(applied(gelu_tanh, {-100, 100}), (std::vector<double>{0, 100}));
}

std::vector<double> slope(Tensor (*op)(const Tensor&), const std::vector<double>& x) {
  Tensor leaf = from_vector(x, {static_cast<std::int64_t>(x.size())});
  leaf.set_requires_grad();
  sum(op(leaf)).backward();
  return leaf.grad().to_vector();
}

TEST(Gradients, AtKinksAreThoseOfPyTorch) {
  EXPECT_EQ(slope(relu, {-1, 0, 1}), (std::vector<double>{0, 0, 1}));
  const auto leaky = [](const Tensor& x) { return leaky_relu(x); };
  EXPECT_NEAR(slope(leaky, {0})[0], 0.01, 1e-8);
  EXPECT_TRUE(std::isnan(applied(leaky, {kNan})[0]));
  EXPECT_EQ(slope(abs, {-1, 0, 1}), (std::vector<double>{-1, 0, 1}));
  EXPECT_EQ(slope(sqrt, {0, 1}), (std::vector<double>{kInfinity, 0.5}));
  const auto clamped = [](const Tensor& x) { return clamp(x, -1, 1); };
  EXPECT_EQ(slope(clamped, {-2, -1, 0, 1, 2}), (std::vector<double>{0, 1, 1, 1, 0}));
  const auto zeroth = [](const Tensor& x) { return pow(x, 0.0); };
  EXPECT_EQ(applied(zeroth, {0, kNan}), (std::vector<double>{1, 1}));
  EXPECT_EQ(slope(zeroth, {0, 2}), (std::vector<double>{0, 0}));
  const auto halves = [](const Tensor& x) { return maximum(x, zeros({3})); };
  EXPECT_EQ(slope(halves, {-1, 0, 1}), (std::vector<double>{0, 0.5, 1}));
}

// dx / dy at x, of a kernel and its vjp, beside the slope between two points nearby.
template <class Formula, class Forward, class Vjp>
void expect_slopes(const char* name, const Forward& forward, const Vjp& vjp) {
  const std::vector<double> at = {0.2, 0.7, 1.3, 2.6};  // in the domain of all, at no kink
  const Shape shape{static_cast<std::int64_t>(at.size())};
  const Tensor x = from_vector(at, shape, {DType::f64}), dy = full(shape, 3, {DType::f64});
  const auto value = [&](const Tensor& of) {
    Tensor y = empty(shape, like(of));
    forward(y, of);
    return y;
  };
  Tensor dx = empty(shape, like(x));
  const Tensor saved = Formula::from_output ? value(x) : x;
  vjp(dx, dy, saved);
  constexpr double kStep = 1e-5;
  const Tensor above = x + kStep, below = x - kStep;
  const std::vector<double> slope = ((value(above) - value(below)) * (3 / (2 * kStep))).to_vector();
  for (std::size_t i = 0; i < at.size(); ++i)
    EXPECT_NEAR(dx.to_vector()[i], slope[i], 1e-6 * std::max(1.0, std::fabs(slope[i])))
        << name << " at " << at[i];
}

// Ops do not use every one of them: some gradients are written with other ops.
TEST(Gradients, OfEveryUnaryFormulaIsItsSlope) {
#define THAW_EXPECT_SLOPES(name, type, flops) \
  expect_slopes<formula::type>(#name, kernels::name, kernels::name##_vjp);
  THAW_UNARY_KERNELS(THAW_EXPECT_SLOPES)
#undef THAW_EXPECT_SLOPES
}

TEST(Gradients, OfTiedMaxima) {
  const auto shared = [](const Tensor& x) { return amax(x); };
  EXPECT_EQ(slope(shared, {3, 1, 3, 3, 2, 3}), (std::vector<double>{0.25, 0, 0.25, 0.25, 0, 0.25}));
  const auto first = [](const Tensor& x) { return max(x, 0); };
  EXPECT_EQ(slope(first, {1, 3, 3, 2}), (std::vector<double>{0, 1, 0, 0}));
}

TEST(Nan, Propagates) {
  const Tensor x = from_vector({1, kNan, 3}, {3});
  EXPECT_TRUE(std::isnan(amax(x).item()));
  EXPECT_TRUE(std::isnan(amin(x).item()));
  EXPECT_TRUE(std::isnan(logsumexp(x, {}).item()));
  EXPECT_TRUE(std::isnan(relu(x).to_vector()[1]));
  EXPECT_TRUE(std::isnan(clamp(x, 0, 1).to_vector()[1]));
  EXPECT_TRUE(std::isnan(maximum(x, zeros({3})).to_vector()[1]));
  EXPECT_TRUE(std::isnan(minimum(zeros({3}), x).to_vector()[1]));
  EXPECT_EQ(argmax(x, 0).item(), 1);
  EXPECT_EQ(argmax(from_vector({2, 5, 5}, {3}), 0).item(), 1);
}

TEST(Sum, IsAsGoodAsItsRounding) {
  const std::int64_t n = 3000001;
  EXPECT_EQ(sum(full({n}, 0.1f)).item(),
            static_cast<double>(static_cast<float>(n * static_cast<double>(0.1f))));
  EXPECT_EQ(sum(full({n, 2}, 0.1f), {0}).to_vector()[1],
            static_cast<double>(static_cast<float>(n * static_cast<double>(0.1f))));
  EXPECT_EQ(sum(full({5}, 1LL << 40, {DType::i64})).item(), 5.0 * (1LL << 40));
  EXPECT_EQ(sum(zeros({0, 3})).item(), 0);
}

TEST(Variance, SurvivesALargeMean) {
  const Tensor x = from_vector({1e6 + 1, 1e6 + 2, 1e6 + 3, 1e6 + 4}, {4});
  EXPECT_NEAR(var(x).item(), 5.0 / 3, 1e-6);
}

TEST(LogSumExp, SurvivesLargeAndInfiniteElements) {
  EXPECT_NEAR(logsumexp(from_vector({1000, 1000}, {2}), {0}).item(), 1000 + std::log(2.0), 1e-4);
  EXPECT_EQ(logsumexp(from_vector({-kInfinity, -kInfinity}, {2}), {0}).item(), -kInfinity);
  EXPECT_EQ(logsumexp(from_vector({kInfinity, 0}, {2}), {0}).item(), kInfinity);
}

TEST(Counts, OfBadValuesAndSquares) {
  std::vector<double> values(10001, 0.5);
  values[7] = kNan;
  values[9000] = kInfinity;
  const Tensor x = from_vector(values, {10001});
  Tensor bad = zeros({}, {DType::i64});
  kernels::count_nonfinite(bad, x);
  EXPECT_EQ(bad.item(), 2);
  Tensor squares = ones({}, {DType::f64});
  kernels::sum_squares(squares, full({101, 3}, 1e30));  // whose squares f32 does not hold
  EXPECT_NEAR(squares.item() / 303e60, 1, 1e-6);
}

TEST(Cast, RoundsToBfloat16AndBack) {
  const std::vector<double> x = {1, 1.00390625, 1.01171875, -3.140625, kInfinity, 3e38};
  const std::vector<double> y = from_vector(x, {6}).to(DType::bf16).to_vector();
  EXPECT_EQ((std::vector<double>{y.begin(), y.begin() + 5}),
            (std::vector<double>{1, 1, 1.015625, -3.140625, kInfinity}));
  EXPECT_NEAR(y[5] / 3e38, 1, 0.004);
  EXPECT_TRUE(std::isnan(from_vector({kNan}, {1}).to(DType::bf16).item()));
  EXPECT_EQ(from_vector({0, 0.5, kNan}, {3}).to(DType::boolean).to_vector(), (std::vector<double>{0, 1, 1}));
}

TEST(Integers, HaveArithmeticWhereItIsExact) {
  const Tensor a = from_vector({1, -2, 3}, {3}, {DType::i64});
  EXPECT_EQ((a + a * a).to_vector(), (std::vector<double>{2, 2, 12}));
  EXPECT_EQ(affine(a, 2, 1).to_vector(), (std::vector<double>{3, -3, 7}));
  EXPECT_EQ(lt(a, zeros({}, {DType::i64})).to_vector(), (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(amax(a).item(), 3);
}

}  // namespace
}  // namespace thaw::test
