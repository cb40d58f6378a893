// The trainer's loop against PyTorch's: micro-batches of unequal sizes, clipping, smoothing, decay,
// schedules, phases and what they make of the optimizer's state, together. The numbers come from
// golden/make_training_golden.py; runs that differ in one key are in unit_config_train.cpp.
#include <gtest/gtest.h>

#include "tests/support/training_runs.h"

namespace thaw::test {
namespace {

using nlohmann::json;

std::vector<std::string> names_of_runs() {
  std::vector<std::string> names;
  for (const auto& [name, run] : training_runs().at("loop").items()) names.push_back(name);
  return names;
}

class TrainingRun : public ::testing::TestWithParam<std::string> {};

TEST_P(TrainingRun, EqualsPyTorch) { expect_equals_pytorch(training_runs().at("loop").at(GetParam())); }

INSTANTIATE_TEST_SUITE_P(Loop, TrainingRun, ::testing::ValuesIn(names_of_runs()),
                         [](const auto& test) { return test.param; });

// Or it would not show where the one is taken for the other.
TEST(TrainingRuns, WhatBecomesOfTheOptimizersStateShows) {
  const json& loop = training_runs().at("loop");
  for (const std::string optimizer : {"_adamw", "_sgd"})
    for (const char* dropped : {"state_dropped_by_freezing", "state_dropped_by_thawing"})
      EXPECT_GT(difference(loop.at("state_kept" + optimizer), loop.at(dropped + optimizer)), 1e-3)
          << dropped << optimizer;
}

}  // namespace
}  // namespace thaw::test
