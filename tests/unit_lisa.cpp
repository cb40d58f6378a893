// The strategy lisa: which groups its phases draw, and when.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/plan/strategies/registry.h"
#include "tests/plan_fixture.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using Trains = std::vector<std::string>;

// So many layers between embeddings and head; a weight each.
ModelInfo transformer(int layers) {
  ModelInfo model;
  model.groups = {"embeddings"};
  for (int layer = 0; layer < layers; ++layer) model.groups.push_back("layer." + std::to_string(layer));
  model.groups.emplace_back("head");
  for (int group = 0; group <= model.head(); ++group)
    model.parameters.push_back({model.groups[group] + ".weight", {}, group, ParameterKind::weight, false, 4});
  return model;
}

Strategy lisa(OptionMap options = {}, const RunLength& run = kRun, int layers = 4) {
  options.insert({"every", "10 steps"});
  return make_strategy({"lisa", options, {}}, transformer(layers), run);
}

Trains trains_of(const Strategy& strategy) {
  Trains trains;
  for (const Phase& phase : strategy.plan.phases) trains.push_back(phase.train);
  return trains;
}

std::string error_of(const OptionMap& options, const RunLength& run = kRun) {
  return message_of<InputError>([&] { lisa(options, run); });
}

TEST(Lisa, TrainsTheEndsAndDrawsOfTheMiddleAnew) {
  const ResolvedPlan plan(lisa().plan, transformer(4), kRun);
  ASSERT_EQ(plan.phases().size(), 6u);
  for (std::size_t draw = 0; draw < 6; ++draw) {
    const ResolvedPhase& phase = plan.phases()[draw];
    EXPECT_EQ(phase.start, static_cast<std::int64_t>(10 * draw));
    EXPECT_TRUE(phase.trainable.front() && phase.trainable.back());
    EXPECT_EQ(std::count(phase.trainable.begin(), phase.trainable.end(), true), 4);
  }
  const Trains trains = trains_of(lisa());
  EXPECT_GT(std::set<std::string>(trains.begin(), trains.end()).size(), 1u);
}

TEST(Lisa, IsAFunctionOfItsOptions) {
  EXPECT_EQ(trains_of(lisa({{"seed", 1.0}})), trains_of(lisa({{"seed", 1.0}})));
  EXPECT_NE(trains_of(lisa({{"seed", 1.0}})), trains_of(lisa({{"seed", 2.0}})));
  Trains longer = trains_of(lisa({}, {120, 20}));
  EXPECT_EQ(longer.size(), 12u);
  longer.resize(6);
  EXPECT_EQ(longer, trains_of(lisa())) << "a longer run begins as the shorter one";
}

TEST(Lisa, DrawsEveryMiddleGroupAsOften) {
  constexpr RunLength kLong{800, 20};
  const Strategy strategy = lisa({{"every", "1 step"}, {"middle", 1.0}}, kLong);
  std::vector<int> counts(6);
  const ResolvedPlan plan(strategy.plan, transformer(4), kLong);
  for (const ResolvedPhase& phase : plan.phases())
    for (std::size_t p = 0; p < 6; ++p) counts[p] += phase.trainable[p] ? 1 : 0;
  for (std::size_t p = 1; p < 5; ++p) EXPECT_NEAR(counts[p], 200, 50) << p;  // 4 standard deviations
}

TEST(Lisa, TakesOtherIntervalsAndRefusesWhatIsNone) {
  const auto count = [](const char* every) { return lisa({{"every", every}}).plan.phases.size(); };
  EXPECT_EQ(count("1 epoch"), 3u);
  EXPECT_EQ(count("0.25 run"), 4u);
  EXPECT_EQ(count("7 steps"), 9u);
  EXPECT_EQ(count("100 steps"), 1u);
  EXPECT_EQ(lisa({}, {0, 1}).plan.phases.size(), 1u);
  for (const char* bad : {"", "never", "0 steps", "1.5 steps", "often"})
    EXPECT_NE(error_of({{"every", bad}}).find("strategy.every = "), std::string::npos) << bad;
  EXPECT_NE(error_of({{"middle", 0.0}}), kNothingThrown);
  EXPECT_NE(error_of({{"seed", -1.0}}), kNothingThrown);
  expect_has(error_of({{"every", "1 step"}}, {2000, 20}), "more than 1000 draws");
}

TEST(Lisa, DrawsTwentyTimesInARunOfAnyLength) {
  for (const std::int64_t updates : {20, 100, 1 << 20})
    EXPECT_EQ(make_strategy({"lisa", {}, {}}, transformer(4), {updates, 20}).plan.phases.size(), 20u)
        << updates;
}

TEST(Lisa, SaysWhenItIsTheSameAsFull) {
  EXPECT_EQ(trains_of(lisa({}, kRun, 1)), Trains{"all"});
  EXPECT_EQ(
      lisa({}, kRun, 1).warnings,
      Trains{"lisa with middle = 2 is the same as full: the model has 1 group between the bottom one and "
             "the head"});
  EXPECT_TRUE(lisa().warnings.empty());
}

}  // namespace
}  // namespace thaw::test
