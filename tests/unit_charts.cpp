// Scales and ticks of the report's figures, at the ends of what doubles hold.
#include <gtest/gtest.h>

#include <cmath>

#include "finetune/report/html/charts.h"

namespace thaw::test {
namespace {

using report::Range;
using report::Scale;

Range range(double low, double high) {
  Range values;
  values.add(low), values.add(high);
  return values;
}

TEST(Charts, TicksStandOnTheScale) {
  const Scale scale = Scale::linear(range(0.61, 0.84), 0, 100);
  const std::vector<double> ticks = scale.ticks(4);
  ASSERT_GE(ticks.size(), 2u);
  for (const double tick : ticks) EXPECT_NEAR(scale(tick), 100 * (tick - 0.6008) / 0.2484, 1e-6);
}

TEST(Charts, NeighbouringDoublesHaveFewTicks) {
  const double value = 8.998862956302798e+29;
  const Scale scale = Scale::linear(range(value, std::nextafter(value, 1e300)), 0, 100);
  EXPECT_LE(scale.ticks(4).size(), 10u);
}

TEST(Charts, EveryPowerOfTenHasFewTicks) {
  const Scale scale = Scale::logarithmic(range(1e-300, 1e300), 0, 100);
  EXPECT_GE(scale.ticks(4).size(), 2u);
  EXPECT_LE(scale.ticks(4).size(), 10u);
  EXPECT_TRUE(std::isfinite(scale(1)));
}

}  // namespace
}  // namespace thaw::test
