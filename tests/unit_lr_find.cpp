// What is read from the losses of a learning-rate range test.
#include "finetune/run/lr_find.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace thaw::test {
namespace {

// 121 rates from 1e-6 to 1, twenty a decade, with the loss as a function of the rate's decade.
std::vector<SweepPoint> sweep(const std::function<double(double)>& loss) {
  std::vector<SweepPoint> points;
  for (int i = 0; i <= 120; ++i) {
    const double decade = -6 + i / 20.0;
    points.push_back({i + 1, std::pow(10, decade), loss(decade), loss(decade)});
  }
  return points;
}

double decade_of(const std::vector<SweepPoint>& points, std::size_t at) { return std::log10(points[at].lr); }

TEST(LrFind, ReadsAFallAndARise) {
  // Level until 1e-4, falls to 1e-1, steepest at 10^-2.5; above it soars.
  const auto loss = [](double decade) {
    if (decade < -4) return 2.0;
    if (decade < -1) return 1.25 + 0.75 * std::cos((decade + 4) / 3 * M_PI);
    return 0.5 + std::pow(10, 2 * (decade + 1)) - 1;
  };
  const auto points = sweep(loss);
  const auto read = read_sweep(points);
  ASSERT_TRUE(read);
  EXPECT_NEAR(decade_of(points, read->least), -1, 1e-9);
  EXPECT_NEAR(decade_of(points, read->steepest), -2.5, 1e-9);
  EXPECT_NEAR(decade_of(points, read->valley), -2.5, 0.051);
  // 1.25 + 0.75 cos(x) is 2 - 1.5 / 4 where cos(x) = 1/2, at a third of the way.
  EXPECT_NEAR(decade_of(points, read->quarter), -3, 0.051);
}

TEST(LrFind, TheDescentMayHaveSteps) {
  // Every fifth loss is above its neighbours: the descent goes on below them.
  int i = 0;
  const auto points = sweep([&](double decade) { return -decade + (i++ % 5 == 0 ? 0.2 : 0.0); });
  const auto read = read_sweep(points);
  ASSERT_TRUE(read);
  EXPECT_NEAR(decade_of(points, read->valley), (-5.4 + 0) / 2, 0.11);
}

TEST(LrFind, TheFirstTenthIsPassedOver) {
  const auto points = sweep([](double decade) { return decade < -5.5 ? 0.1 : 2 - 0.1 * (decade + 5.5); });
  const auto read = read_sweep(points);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->least, 120u) << "not the low losses of the first updates";
}

TEST(LrFind, SuggestsNothingWhereNothingFalls) {
  EXPECT_FALSE(read_sweep(sweep([](double) { return 1.0; })));
  EXPECT_FALSE(read_sweep(sweep([](double decade) { return decade; })));
  EXPECT_FALSE(read_sweep(sweep([](double decade) { return 100 - 0.01 * decade; }))) << "a fall of 0.06 %";
  EXPECT_FALSE(read_sweep({}));
  EXPECT_FALSE(read_sweep({{1, 1e-3, 1, 1}, {2, 1e-2, 0.5, 0.5}}));
}

}  // namespace
}  // namespace thaw::test
