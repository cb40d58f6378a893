// Philox against its published vectors, and tensors of random numbers: functions of a key and an index alone.
#include <gtest/gtest.h>

#include <cmath>

#include "core/ops.h"
#include "kernels/philox.h"
#include "tests/support/compare.h"

namespace thaw::test {
namespace {

constexpr RandomKey kKey{1, 2};

// "philox4x32 10" of the known-answer tests that come with Random123.
TEST(Philox, EqualsPublishedVectors) {
  using philox::Words;
  EXPECT_EQ(philox::philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox::philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<double> unit_numbers(std::int64_t n) {
  const philox::Key key = philox::fold_key(kKey.seed, kKey.stream);
  std::vector<double> numbers;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(n); ++i)
    numbers.push_back(static_cast<double>(philox::philox4x32(philox::counter_of(0, i / 4), key)[i % 4] >> 8) *
                      0x1p-24);
  return numbers;
}

TEST(Rand, EqualsPhiloxWordByWord) {
  for (const std::int64_t n : {0, 1, 3, 4, 31, 257, 10001}) {
    EXPECT_EQ(rand({n}, kKey).to_vector(), unit_numbers(n));
    EXPECT_EQ(rand({n}, kKey, 0, 1, {DType::f64}).to_vector(), unit_numbers(n));
  }
}

TEST(Rand, DependsOnSeedAndStream) {
  const std::vector<double> numbers = rand({8}, {1, 2}).to_vector();
  EXPECT_NE(numbers, rand({8}, {1, 3}).to_vector());
  EXPECT_NE(numbers, rand({8}, {2, 2}).to_vector());
  EXPECT_NE(numbers, rand({8}, {2, 1}).to_vector());
}

TEST(Rand, StaysInItsRange) {
  for (const double x : rand({10000}, kKey, -2, 3).to_vector()) {
    EXPECT_GE(x, -2);
    EXPECT_LE(x, 3);
  }
}

TEST(Randn, EqualsBoxMuller) {
  constexpr std::int64_t n = 1030;
  const std::vector<double> u = unit_numbers(n);
  const std::vector<double> f32 = randn({n}, kKey).to_vector();
  const std::vector<double> f64 = randn({n}, kKey, 0, 1, {DType::f64}).to_vector();
  for (std::size_t i = 0; i < u.size(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(1 - u[i]));
    const double angle = 2 * 3.14159265358979323846 * u[i + 1];
    EXPECT_NEAR(f64[i], radius * std::cos(angle), 1e-13);
    EXPECT_NEAR(f64[i + 1], radius * std::sin(angle), 1e-13);
    EXPECT_NEAR(f32[i], f64[i], 2e-6);
    EXPECT_NEAR(f32[i + 1], f64[i + 1], 2e-6);
  }
}

// Bounds are five standard errors of 200,000 independent normal numbers.
TEST(Randn, HasNormalMoments) {
  constexpr std::int64_t n = 200000;
  const std::vector<double> x = randn({n}, kKey, 1, 2).to_vector();
  double moment[5] = {};
  for (const double v : x)
    for (int k = 1; k < 5; ++k) moment[k] += std::pow((v - 1) / 2, k) / n;
  EXPECT_NEAR(moment[1], 0, 0.012);
  EXPECT_NEAR(moment[2], 1, 0.016);
  EXPECT_NEAR(moment[3], 0, 0.044);
  EXPECT_NEAR(moment[4], 3, 0.11);
}

TEST(Dropout, KeepsWithProbabilityOneMinusP) {
  constexpr std::int64_t n = 100000;
  for (const double p : {0.1, 0.5, 0.9}) {
    double kept = 0;
    for (const double y : dropout(ones({n}), p, kKey).to_vector()) {
      if (y == 0) continue;
      EXPECT_FLOAT_EQ(static_cast<float>(y), static_cast<float>(1 / (1 - p)));
      ++kept;
    }
    EXPECT_NEAR(kept / n, 1 - p, 5 * std::sqrt(p * (1 - p) / n));
  }
}

TEST(Dropout, EndsOfTheRange) {
  const Tensor x = ones({3, 5});
  EXPECT_TRUE(dropout(x, 0, kKey).is_same(x));
  EXPECT_EQ(dropout(x, 1, kKey).to_vector(), std::vector<double>(15, 0.0));
}

}  // namespace
}  // namespace thaw::test
