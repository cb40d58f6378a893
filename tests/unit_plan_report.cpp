// What is said of a plan before it runs: warnings and the timeline.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "finetune/plan/plan_timeline.h"
#include "finetune/plan/plan_warnings.h"
#include "nn/optim/schedule.h"
#include "tests/plan_fixture.h"

namespace thaw::test {
namespace {

using Lines = std::vector<std::string>;

TEST(PlanWarnings, NoneForAPlanThatTrainsEverything) {
  EXPECT_EQ(plan_warnings(resolved({phase("", "head"), phase("epoch 1", "all")}), constant), Lines{});
}

TEST(PlanWarnings, AWarmUpThatOutlastsTheRun) {
  const auto warming = [](std::int64_t steps) {
    return [steps](std::int64_t k) { return multiplier({ScheduleKind::linear, steps}, k, 60); };
  };
  EXPECT_EQ(plan_warnings(resolved({phase("", "all")}), warming(59)), Lines{});
  EXPECT_EQ(
      plan_warnings(resolved({phase("", "all")}), warming(100)),
      Lines{"the learning rate still warms up when the run ends after 60 updates: make the warm-up shorter"});
}

TEST(PlanWarnings, APhaseThatBeginsAfterTheLastUpdate) {
  EXPECT_EQ(plan_warnings(resolved({phase("", "all"), phase("epoch 3", "head")}), constant),
            Lines{"phase 2 (epoch 3) begins after the last of 60 updates"});
  EXPECT_EQ(plan_warnings(resolved({phase("", "all"), phase("step 59", "head")}), constant), Lines{});
  EXPECT_EQ(plan_warnings(resolved({phase("", "all"), phase("fraction 0.5", "head")}, {0, 20}), constant),
            Lines{"phase 2 (fraction 0.5) begins after the last of 0 updates"});
  EXPECT_EQ(plan_warnings(resolved({phase("", "all"), phase("step 60", "head"), phase("epoch 4", "all")}),
                          constant),
            Lines{"phases 2 (step 60) to 3 (epoch 4) begin after the last of 60 updates"});
}

TEST(PlanWarnings, APhaseThatALaterOneReplacesAtOnce) {
  EXPECT_EQ(plan_warnings(resolved({phase("", "head"), phase("", "all")}), constant),
            Lines{"phase 1 is never in force: phase 2 begins at the same update"});
}

TEST(PlanWarnings, GroupsThatNeverThaw) {
  EXPECT_EQ(plan_warnings(resolved({phase("", "head"), phase("epoch 9", "all")}), constant)[1],
            "2 of 3 groups never thaw: \"layers.0\", \"layers.1\"");
  EXPECT_EQ(plan_warnings(resolved({phase("", "head"), phase("plateau validation_loss 2", "all")}), constant),
            Lines{})
      << "the plateau may come";
}

TEST(PlanWarnings, ANewHeadThatNeverTrains) {
  const Lines lines{"the head has random weights and never trains: what it says means nothing"};
  EXPECT_EQ(plan_warnings(resolved({phase("", "all,!head")}), constant, {}, false), lines);
  EXPECT_EQ(plan_warnings(resolved({phase("", "all,!head"), phase("epoch 1", "head")}), constant, {}, false),
            Lines{});
}

TEST(PlanWarnings, GroupsWithLittleIntegratedLearningRate) {
  const Lines starved = {
      "groups with less than 1 % of the largest integrated learning rate hardly train: \"layers.0\""};
  EXPECT_EQ(plan_warnings(resolved({phase("", "all", {{"layers.0", 0.009}})}), constant), starved);
  EXPECT_EQ(plan_warnings(resolved({phase("", "all", {{"layers.0", 0.011}})}), constant), Lines{});
  EXPECT_EQ(plan_warnings(resolved({phase("", "all", {{"layers.0", 0.0}})}), constant), starved);
  // A linear decay leaves little for the last of 60 updates: 1 / (60 + 59 + ... + 1).
  const auto linear = [](std::int64_t k) { return 1.0 - static_cast<double>(k) / 60; };
  EXPECT_EQ(
      plan_warnings(resolved({phase("", "top:1"), phase("step 59", "all")}), linear),
      Lines{starved[0] + "; the schedule has decayed when they thaw: thaw sooner, or use a schedule that "
                         "decays later"});
  EXPECT_EQ(plan_warnings(resolved({phase("", "top:1"), phase("step 59", "all")}), constant), Lines{})
      << "1 of 60";
}

TEST(PlanWarnings, RewarmupCountsInTheIntegral) {
  Phase late = phase("step 59", "all");  // 1 of 60 updates, halved by the re-warm-up: 0.83 %
  late.rewarmup = 1;
  EXPECT_EQ(plan_warnings(resolved({phase("", "top:1"), late}), constant).size(), 1u);
}

TEST(PlanWarnings, MultipliersOfFrozenParameters) {
  EXPECT_EQ(
      plan_warnings(resolved({phase("", "head", {{"layers.0", 0.5}}), phase("step 1", "all")}), constant),
      Lines{"phase 1: the multiplier of \"layers.0\" does nothing, for the phase freezes all of it"});
}

TEST(PlanTimeline, DataForPlots) {
  const auto parts = timeline_data(
      resolved({phase("", "head"), phase("epoch 1", "all,!layers.0.weight", {{"layers.1.bias", 0.5}})}));
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].groups[0].trainable, 0);
  EXPECT_EQ(parts[0].groups[0].elements, 15);
  EXPECT_EQ(parts[0].groups[2].trainable, 15);
  EXPECT_EQ(parts[1].groups[0].trainable, 3);
  EXPECT_EQ(parts[1].groups[1].lr_mult_min, 0.5);
  EXPECT_EQ(parts[1].groups[1].lr_mult_max, 1.0);
}

TEST(PlanTimeline, Text) {
  const ResolvedPlan plan =
      resolved({phase("", "head"), phase("epoch 1", "all,!layers.0.weight", {{"layers.1.bias", 0.5}}),
                phase("plateau validation_loss 2", "all")});
  const auto schedule = [](std::int64_t k) { return k < 40 ? 0.001 : 0.0005; };
  EXPECT_EQ(timeline(plan, schedule),
            "phase  begins   updates  train                 learning rate    trainable\n"
            "1      step 0   1-20     head                  0.001            15 of 45\n"
            "2      epoch 1  21-60    all,!layers.0.weight  0.0005 .. 0.001  33 of 45\n"
            "phase 3 waits for plateau validation_loss 2, then trains all\n"
            "\n"
            "group     phase 1  phase 2   whole run\n"
            "head      1        1         100.0 %\n"
            "layers.1  -        0.5 .. 1  60.0 %\n"
            "layers.0  -        1 *       60.0 %\n"
            "learning-rate multipliers; - is frozen, * is trained in part; whole run: the integrated "
            "learning rate, "
            "relative to the largest\n");
  EXPECT_EQ(timeline(resolved({phase("", "head")}, {0, 1}), constant), "no updates: nothing is trained\n");
}

}  // namespace
}  // namespace thaw::test
