// How long a comparison still takes.
#include "finetune/compare/time_left.h"

#include <gtest/gtest.h>

namespace thaw::test {
namespace {

struct Times : ::testing::Test {
  Times() {
    left.expect("full", 4);
    left.expect("head", 2);
  }
  void run(const std::string& name, double seconds) {
    left.pass(name, 1);
    left.begin(name);
    left.end(seconds);
  }
  TimeLeft left;
};

TEST_F(Times, NothingIsKnownBeforeARunEnded) {
  EXPECT_FALSE(left.seconds().has_value());
  left.pass("full", 1);
  left.begin("full");
  EXPECT_FALSE(left.seconds().has_value());
}

TEST_F(Times, WhatDoesNotTrainSaysNothingOfTheOthers) {
  left.expect("majority", 2, false);
  run("majority", 0.001);
  EXPECT_FALSE(left.seconds().has_value());
  run("head", 2);
  EXPECT_NEAR(*left.seconds(), 4 * 2 + 2 + 0.001, 1e-9);
}

TEST_F(Times, EachNameHasItsOwnLength) {
  run("full", 10);
  EXPECT_DOUBLE_EQ(*left.seconds(), 3 * 10 + 2 * 10) << "of head nothing is known: as long as the others";
  run("head", 2);
  EXPECT_DOUBLE_EQ(*left.seconds(), 3 * 10 + 1 * 2);
  run("full", 20);
  EXPECT_DOUBLE_EQ(*left.seconds(), 2 * 15 + 1 * 2);
  run("head", 2);
  run("full", 15);
  run("full", 15);
  EXPECT_DOUBLE_EQ(*left.seconds(), 0);
  run("full", 15);
  EXPECT_DOUBLE_EQ(*left.seconds(), 0) << "more than was expected";
}

TEST_F(Times, WorkersShareWhatIsLeft) {
  run("full", 10);
  EXPECT_DOUBLE_EQ(*left.seconds(2), (3 * 10 + 2 * 10) / 2.0);
}

TEST_F(Times, WhatAnEarlierSessionDidTakesNoTime) {
  left.pass("full", 3);
  run("head", 4);
  EXPECT_DOUBLE_EQ(*left.seconds(), 4 + 4);
}

TEST_F(Times, WhatDoesNotRunTakesNoTime) {
  run("head", 4);
  left.drop("full");
  EXPECT_DOUBLE_EQ(*left.seconds(), 4);
}

TEST_F(Times, SteadyRunsCountDown) {
  double before = 1e9;
  for (int i = 0; i < 4; ++i) {
    run(i % 2 == 0 ? "full" : "head", i % 2 == 0 ? 10 : 3);
    EXPECT_LT(*left.seconds(), before);
    before = *left.seconds();
  }
}

}  // namespace
}  // namespace thaw::test
