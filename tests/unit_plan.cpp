// Plans: times at their exact boundaries, state as a pure function, triggers, errors.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/plan/plan.h"
#include "finetune/plan/plan_text.h"
#include "finetune/task/classification.h"
#include "finetune/task/regression.h"
#include "finetune/task/transcription.h"
#include "tests/plan_fixture.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

std::string plan_error(const std::vector<Phase>& phases) {
  return message_of<InputError>([&] { resolved(phases); });
}

// Trainable parameters as digits: "45" is the head.
std::string trainable(const ResolvedPlan& plan, std::int64_t completed, const Triggers& triggers = {}) {
  std::string text;
  const std::vector<ParameterState> state = plan.state_at(completed, triggers);
  for (size_t p = 0; p < state.size(); ++p) {
    if (state[p].trainable) text += std::to_string(p);
  }
  return text;
}

TEST(PhaseStart, TextsParseAndPrint) {
  for (const char* text : {"step 200", "step 0", "epoch 1", "epoch 0.5", "fraction 0.25", "fraction 1",
                           "plateau validation_loss 2", "plateau validation_accuracy 10"}) {
    EXPECT_EQ(to_text(parse_phase_start(text)), text);
  }
  EXPECT_EQ(to_text(parse_phase_start("  step   2e2 ")), "step 200");
  const PhaseStart plateau = parse_phase_start("plateau validation_loss 3");
  EXPECT_EQ(plateau.metric, "validation_loss");
  EXPECT_EQ(plateau.patience, 3);
}

TEST(PhaseStart, RefusesOtherTexts) {
  for (const char* bad :
       {"", "step", "step x", "step -1", "step 1.5", "step 1 2", "step nan", "step 1e300", "stpe 1",
        "epoch -1", "epoch inf", "fraction 1.1", "fraction -0.1", "plateau", "plateau validation_loss",
        "plateau validation_loss 0", "plateau validation_loss 1.5", "plateau validation_loss 2 3"}) {
    const std::string error = message_of<InputError>([&] { parse_phase_start(bad); });
    EXPECT_NE(error.find("write \"step 200\", \"epoch 1\""), std::string::npos) << bad << ": " << error;
  }
  EXPECT_EQ(message_of<InputError>([] { parse_phase_start("plateau validaton_loss 2"); }),
            "at = \"plateau validaton_loss 2\" has an unknown metric \"validaton_loss\"; did you mean "
            "\"validation_loss\"?; the metrics are \"validation_loss\", \"validation_accuracy\", "
            "\"validation_macro_f1\", ..., \"validation_plain_wer\" (" +
                std::to_string(classification().metrics().size() + regression().metrics().size() - 1 +
                               transcription().metrics().size() - 1) +
                " in all)");
}

TEST(PlanChoices, ParseAndPrint) {
  for (const char* text : {"keep", "drop"}) EXPECT_EQ(to_text(parse_state_policy(text)), text);
  for (const char* text : {"still", "batch"}) EXPECT_EQ(to_text(parse_frozen_norm(text)), text);
  for (const char* text : {"keep", "off"}) EXPECT_EQ(to_text(parse_frozen_dropout(text)), text);
  EXPECT_EQ(message_of<InputError>([] { parse_state_policy("free"); }),
            "state = \"free\" is unknown (strategy.state); write \"keep\" or \"drop\"");
  EXPECT_NE(message_of<InputError>([] { parse_frozen_norm("off"); }), kNothingThrown);
  EXPECT_NE(message_of<InputError>([] { parse_frozen_dropout("on"); }), kNothingThrown);
}

// `step N` is in force from update N + 1 on, which is the one that comes after N completed updates.
TEST(PlanTime, StepIsInForceFromTheUpdateAfterIt) {
  const ResolvedPlan plan = resolved({phase("", "head"), phase("step 20", "all")});
  EXPECT_EQ(plan.phase_at(0), 0);
  EXPECT_EQ(plan.phase_at(19), 0);
  EXPECT_EQ(plan.phase_at(20), 1);
  EXPECT_EQ(plan.phase_at(59), 1);
  EXPECT_EQ(trainable(plan, 19), "45");
  EXPECT_EQ(trainable(plan, 20), "012345");
}

TEST(PlanTime, EpochAndFractionRoundUp) {
  const auto start = [](const std::string& at, RunLength run) {
    return resolved({phase("", "head"), phase(at, "all")}, run).phases()[1].start;
  };
  EXPECT_EQ(start("epoch 1", {60, 20}), 20);
  EXPECT_EQ(start("epoch 2", {60, 20}), 40);
  EXPECT_EQ(start("epoch 0.5", {21, 7}), 4);
  EXPECT_EQ(start("fraction 0.5", {60, 20}), 30);
  EXPECT_EQ(start("fraction 0.5", {61, 20}), 31);
  EXPECT_EQ(start("fraction 0.07", {100, 20}), 7) << "0.07 * 100 is a little above 7 in binary";
  EXPECT_EQ(start("fraction 0.071", {100, 20}), 8);
  EXPECT_EQ(start("fraction 0.001", {60, 20}), 1);
  EXPECT_EQ(start("fraction 1", {60, 20}), 60);
  EXPECT_EQ(start("epoch 1e8", {60, 1'000'000}), kMostUpdates);
}

TEST(PlanTime, OfTwoThatBeginTogetherTheLaterCounts) {
  const ResolvedPlan plan = resolved({phase("", "head"), phase("step 20", "top:1"), phase("epoch 1", "all")});
  EXPECT_EQ(plan.phase_at(19), 0);
  EXPECT_EQ(plan.phase_at(20), 2);
  ASSERT_EQ(plan.segments().size(), 2u);
  EXPECT_EQ(plan.segments()[1].phase, 2);
}

TEST(PlanTime, SegmentsPartTheRun) {
  const auto parts =
      resolved({phase("", "head"), phase("step 20", "top:1"), phase("step 60", "all")}).segments();
  ASSERT_EQ(parts.size(), 2u) << "no update sees the last phase";
  EXPECT_EQ(parts[0].begin, 0);
  EXPECT_EQ(parts[0].end, 20);
  EXPECT_EQ(parts[1].begin, 20);
  EXPECT_EQ(parts[1].end, 60);
  EXPECT_TRUE(resolved({phase("", "head")}, {0, 1}).segments().empty());
}

TEST(PlanState, TrainIsTheWholeSetAndUnnamedMultipliersAreOne) {
  const ResolvedPlan plan =
      resolved({phase("", "head", {{"head", 2.0}}), phase("step 10", "layers.0,head", {{"layers.0", 0.25}}),
                phase("step 20", "layers.1")});
  EXPECT_EQ(trainable(plan, 10), "0145");
  EXPECT_EQ(trainable(plan, 20), "23") << "the head freezes again";
  EXPECT_EQ(plan.state_at(0)[4].lr_mult, 2.0);
  EXPECT_EQ(plan.state_at(10)[4].lr_mult, 1.0) << "a multiplier lasts for its phase";
  EXPECT_EQ(plan.state_at(10)[0].lr_mult, 0.25) << "from its first update (design 7.6)";
}

TEST(PlanState, IsPureInAnyOrderOfCalls) {
  Phase last = phase("step 30", "all", {{"layers.0", 0.1}});
  last.rewarmup = 7;
  const Plan plan = plan_of({phase("", "head"), phase("plateau validation_loss 2", "top:1"), last});
  const Triggers triggers = {{1, 13}};
  const ResolvedPlan one(plan, mlp(), kRun);
  std::vector<std::vector<ParameterState>> forwards;
  for (std::int64_t k = 0; k < 60; ++k) forwards.push_back(one.state_at(k, triggers));
  for (std::int64_t k = 59; k >= 0; --k) {
    EXPECT_EQ(one.state_at(k, triggers), forwards[k]);
    EXPECT_EQ(ResolvedPlan(plan, mlp(), kRun).state_at(k, triggers), forwards[k])
        << "a resumed run, at " << k;
  }
}

TEST(PlanState, TriggersOfTheFutureDoNotMatter) {
  const ResolvedPlan plan = resolved({phase("", "head"), phase("plateau validation_loss 2", "all")});
  for (std::int64_t k = 0; k < 30; ++k) EXPECT_EQ(plan.state_at(k, {}), plan.state_at(k, {{1, 30}}));
  EXPECT_EQ(trainable(plan, 30, {{1, 30}}), "012345");
}

TEST(PlanRewarmup, RisesLinearlyForWhatThaws) {
  Phase thaw = phase("step 10", "top:1", {{"layers.1", 0.5}});
  thaw.rewarmup = 3;
  const ResolvedPlan plan = resolved({phase("", "head"), thaw, phase("step 12", "all")});
  EXPECT_EQ(plan.state_at(10)[2].lr_mult, 0.125);
  EXPECT_EQ(plan.state_at(11)[2].lr_mult, 0.25);
  EXPECT_EQ(plan.state_at(11)[4].lr_mult, 1.0) << "the head trained before";
  EXPECT_EQ(plan.state_at(12)[2].lr_mult, 0.75) << "it goes on in the next phase, at that phase's multiplier";
  EXPECT_EQ(plan.state_at(13)[2].lr_mult, 1.0);
  EXPECT_EQ(plan.state_at(12)[0].lr_mult, 1.0)
      << "what thaws in a phase without re-warm-up has it all at once";
}

TEST(PlanRewarmup, CountsFromTheLastThaw) {
  Phase again = phase("step 20", "all");
  again.rewarmup = 1;
  const ResolvedPlan plan = resolved({phase("", "all"), phase("step 10", "head"), again});
  EXPECT_EQ(plan.state_at(9)[0].lr_mult, 1.0);
  EXPECT_EQ(plan.state_at(20)[0].lr_mult, 0.5);
  EXPECT_EQ(plan.state_at(21)[0].lr_mult, 1.0);
  EXPECT_EQ(plan.state_at(20)[4].lr_mult, 1.0);
}

TEST(PlanDefaults, PhasesOverrideThePlan) {
  Plan plan = plan_of({phase("", "head"), phase("step 5", "all")});
  plan.state = StatePolicy::drop;
  plan.rewarmup = 3;
  plan.frozen_norm = FrozenNorm::batch;
  plan.frozen_dropout = FrozenDropout::off;
  plan.phases[1].state = StatePolicy::drop;
  plan.phases[1].rewarmup = 0;
  plan.phases[1].frozen_norm = FrozenNorm::still;
  plan.phases[1].frozen_dropout = FrozenDropout::keep;
  const std::vector<ResolvedPhase> phases = ResolvedPlan(plan, mlp(), kRun).phases();
  EXPECT_EQ(phases[0].state, StatePolicy::drop);
  EXPECT_EQ(phases[0].frozen_norm, FrozenNorm::batch);
  EXPECT_EQ(phases[0].frozen_dropout, FrozenDropout::off);
  EXPECT_EQ(phases[1].state, StatePolicy::drop);
  EXPECT_EQ(phases[1].rewarmup, 0);
  EXPECT_EQ(phases[1].frozen_norm, FrozenNorm::still);
  EXPECT_EQ(phases[1].frozen_dropout, FrozenDropout::keep);
}

TEST(PlanPlateau, BeginsWhereItsTriggerSays) {
  const ResolvedPlan plan = resolved({phase("", "head"), phase("plateau validation_loss 2", "top:1"),
                                      phase("plateau validation_loss 2", "all"), phase("step 50", "head")});
  EXPECT_EQ(plan.armed_plateau(0), 1);
  EXPECT_EQ(plan.phase_at(49), 0);
  EXPECT_EQ(plan.phase_at(50), 3) << "a plateau that never came is passed over";
  const Triggers one = {{1, 12}};
  EXPECT_EQ(plan.phase_at(11, one), 0);
  EXPECT_EQ(plan.phase_at(12, one), 1);
  EXPECT_EQ(plan.armed_plateau(12, one), 2);
  const Triggers two = {{1, 12}, {2, 30}};
  EXPECT_EQ(plan.phase_at(30, two), 2);
  EXPECT_EQ(plan.phase_at(50, two), 3);
  EXPECT_FALSE(plan.armed_plateau(30, two).has_value());
  ASSERT_EQ(plan.segments(two).size(), 4u);
  EXPECT_EQ(plan.segments(two)[2].begin, 30);
}

TEST(PlanPlateau, ReachedWhenNothingImprovesOnTheBestBefore) {
  EXPECT_FALSE(plateau_reached("validation_loss", {}, 2));
  EXPECT_FALSE(plateau_reached("validation_loss", {1.0, 1.0}, 2)) << "nothing before the last two";
  EXPECT_TRUE(plateau_reached("validation_loss", {1.0, 1.0, 1.0}, 2));
  EXPECT_FALSE(plateau_reached("validation_loss", {NAN, 1.0, 0.9}, 2)) << "any number is better than none";
  EXPECT_TRUE(plateau_reached("validation_accuracy", {0.9, NAN, NAN}, 2));
  EXPECT_TRUE(plateau_reached("validation_loss", {0.5, 1.0, 0.9}, 2));
  EXPECT_FALSE(plateau_reached("validation_loss", {1.0, 0.9, 0.95}, 2));
  EXPECT_TRUE(plateau_reached("validation_accuracy", {0.9, 0.8, 0.9}, 2));
  EXPECT_FALSE(plateau_reached("validation_accuracy", {0.5, 0.8, 0.7}, 2));
}

TEST(PlanErrors, TwoMultipliersForOneParameter) {
  EXPECT_EQ(plan_error({phase("", "all", {{"head", 1.0}, {"*.bias", 0.5}})}),
            "\"*.bias\" gives \"head.bias\" the multiplier 0.5 and \"head\" gives it 1 (strategy.phase 1: "
            "lr_mult); "
            "name each parameter once");
  EXPECT_EQ(plan_error({phase("", "all", {{"head", 0.5}, {"*.bias", 0.5}})}), kNothingThrown) << "they agree";
  EXPECT_EQ(plan_error({phase("", "all", {{"head", 1.0}}), phase("step 1", "all", {{"*.bias", 0.5}})}),
            kNothingThrown);
}

TEST(PlanErrors, Multipliers) {
  for (double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_NE(plan_error({phase("", "all", {{"head", bad}})}).find("no finite number from 0 up"),
              std::string::npos);
  }
  EXPECT_NE(plan_error({phase("", "all", {{"tail", 1.0}})}).find("(strategy.phase 1: lr_mult)"),
            std::string::npos);
}

TEST(PlanErrors, SelectorsOfPhasesAfterTheEndAreCheckedToo) {
  EXPECT_NE(plan_error({phase("", "head"), phase("epoch 99", "tail")}).find("(strategy.phase 2: train)"),
            std::string::npos);
}

TEST(PlanErrors, Order) {
  EXPECT_EQ(
      plan_error({phase("", "head"), phase("step 30", "all"), phase("epoch 1", "top:1")}),
      "phase 3 begins after 20 updates, before phase 2, which begins after 30 (strategy.phase 3: at); list "
      "phases in order of time");
  EXPECT_NE(plan_error({phase("", "head"), phase("step 30", "all"),
                        phase("plateau validation_loss 2", "head"), phase("epoch 1", "top:1")}),
            kNothingThrown);
  EXPECT_NE(plan_error({phase("", "head"), phase("step 3", "all"), phase("", "head")}), kNothingThrown);
  EXPECT_EQ(plan_error({phase("epoch 1", "head")}),
            "the first phase begins at \"epoch 1\", and nothing says what trains before (strategy.phase 1: "
            "at); leave "
            "`at` out");
  EXPECT_NE(plan_error({phase("plateau validation_loss 2", "head")}), kNothingThrown);
  EXPECT_EQ(plan_error({phase("step 0", "head"), phase("fraction 0.5", "all")}), kNothingThrown);
}

TEST(PlanErrors, Rewarmup) {
  Phase first = phase("", "head"), second = phase("step 1", "all");
  first.rewarmup = 2;
  EXPECT_NE(plan_error({first}).find("nothing thaws in the first phase"), std::string::npos);
  second.rewarmup = -1;
  EXPECT_NE(plan_error({phase("", "head"), second}).find("rewarmup = -1 is negative"), std::string::npos);
}

}  // namespace
}  // namespace thaw::test
