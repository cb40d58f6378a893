// What a comparison chooses from, and how it chooses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "finetune/compare/candidate.h"
#include "finetune/compare/tuning.h"
#include "finetune/plan/strategies/registry.h"
#include "tests/support/from_config.h"
#include "tests/support/messages.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

Candidate candidate(const std::string& name, std::vector<OptionSpec> knobs = {}) {
  Candidate result{name, "", {}, {}, false, std::move(knobs)};
  result.config.strategy.name = name;
  return result;
}

// A landscape over learning rates: the metric of each, and its loss.
struct Judged {
  double value = 0, loss = 0;
  bool ok = true;
};
using Landscape = std::function<Judged(double lr)>;

struct Tuning {
  Tuned tuned;
  std::vector<Hyperparameters> asked;
};

Tuning tune_on(const Candidate& who, const Landscape& landscape, bool higher = true,
               std::size_t stop_after = 1000) {
  Tuning result;
  result.tuned = tune(
      who, higher,
      [&](const Candidate& c, const Hyperparameters& choice) {
        result.asked.push_back(choice);
        const Judged judged = landscape(choice.lr);
        TuningTrial trial{.strategy = c.name,
                          .lr = choice.lr,
                          .options = choice.options,
                          .status = judged.ok ? RunStatus::ok : RunStatus::diverged};
        if (judged.ok) trial.validation_value = judged.value, trial.validation_loss = judged.loss;
        return trial;
      },
      [&] { return result.asked.size() >= stop_after; });
  return result;
}

// Best at 10^`peak`, worse with distance.
Landscape peak_at(double peak) {
  return [peak](double lr) { return Judged{1 - std::abs(std::log10(lr) - peak) / 10, 1, true}; };
}

int chosen_of(const Tuned& tuned) {
  return static_cast<int>(
      std::count_if(tuned.trials.begin(), tuned.trials.end(), [](const TuningTrial& t) { return t.chosen; }));
}

TEST(Tune, RatesAreHalfDecadesAroundTheCentre) {
  const Tuning result = tune_on(candidate("full"), peak_at(-3));
  ASSERT_EQ(result.tuned.trials.size(), 5u);
  for (int i = 0; i < 5; ++i)
    EXPECT_NEAR(std::log10(result.tuned.trials[static_cast<std::size_t>(i)].lr), -3 + (i - 2) / 2.0, 1e-9);
  EXPECT_NEAR(result.tuned.best->lr, 1e-3, 1e-9);
  EXPECT_EQ(chosen_of(result.tuned), 1);
  EXPECT_EQ(result.tuned.note, "");
}

TEST(Tune, AStrategysOwnScaleMovesTheCentre) {
  for (const std::string name : {"head", "lora", "full"}) {
    const std::vector<Hyperparameters> choices = hyperparameters_to_try(candidate(name));
    EXPECT_NEAR(choices[2].lr, 1e-3 * find_strategy(name).default_lr_scale, 1e-12) << name;
  }
  EXPECT_NE(find_strategy("lora").default_lr_scale, 1);
}

// As in `thaw train`; compare.rates is the user's word everywhere.
TEST(Tune, UntunedTheLearningRateIsTheConfigs) {
  for (const std::string name : {"head", "lora", "lp-ft", "full"}) {
    Candidate who = candidate(name);
    who.config.compare.tune = 0;
    const std::vector<Hyperparameters> choices = hyperparameters_to_try(who);
    ASSERT_EQ(choices.size(), 1u);
    EXPECT_EQ(choices[0].lr, 1e-3) << name;
    EXPECT_EQ(lr_scale(who), 0) << name;
    who.config.compare.rates[name] = 0.02;
    EXPECT_EQ(hyperparameters_to_try(who)[0].lr, 0.02) << name;
    who.config.compare.tune = 3;
    EXPECT_NEAR(hyperparameters_to_try(who)[1].lr, 0.02, 1e-12) << name;
    EXPECT_EQ(lr_scale(who), 0) << name;
  }
  EXPECT_EQ(lr_scale(candidate("head")), 10);
  EXPECT_EQ(lr_scale(candidate("full")), 1);
}

TEST(Settings, AreWhatARunHasOtherThanTheConfig) {
  Candidate who = candidate("lora");
  const Hyperparameters choice{0.1 / 3, {{"r", 4.0}, {"target_modules", std::vector<std::string>{"a", "b"}}}};
  Config run = with_hyperparameters(who, choice);
  run.train.steps = 200;
  run.train.restore_best = true;
  EXPECT_EQ(settings_of(run, choice, who.config),
            (std::vector<std::string>{"train.lr=0.03333333333333333", "strategy.r=4",
                                      "strategy.target_modules=[\"a\", \"b\"]", "train.steps=200",
                                      "train.restore_best=true"}));
  EXPECT_TRUE(settings_of(who.config, {who.config.train.lr}, who.config).empty());
}

TEST(Tune, GoesTwoRatesBeyondEitherEdge) {
  const Tuning low = tune_on(candidate("full"), peak_at(-9));
  ASSERT_EQ(low.asked.size(), 7u);
  EXPECT_NEAR(std::log10(low.tuned.best->lr), -5, 1e-9);
  EXPECT_NE(low.tuned.note.find("lowest"), std::string::npos) << low.tuned.note;
  const Tuning high = tune_on(candidate("full"), peak_at(9));
  ASSERT_EQ(high.asked.size(), 7u);
  EXPECT_NEAR(std::log10(high.tuned.best->lr), -1, 1e-9);
  EXPECT_NE(high.tuned.note.find("highest"), std::string::npos) << high.tuned.note;
  for (const Tuning* result : {&low, &high})
    EXPECT_TRUE(std::is_sorted(result->tuned.trials.begin(), result->tuned.trials.end(),
                               [](const auto& a, const auto& b) { return a.lr < b.lr; }));
}

TEST(Tune, StopsBeyondAnEdgeWhereNothingIsGained) {
  const Tuning result = tune_on(candidate("full"), peak_at(-2));
  EXPECT_EQ(result.asked.size(), 6u);
  EXPECT_NEAR(result.tuned.best->lr, 1e-2, 1e-9);
  EXPECT_EQ(result.tuned.note, "");
}

TEST(Tune, ExtensionsKeepTheKnobsOfTheBest) {
  const Candidate who = candidate("lora", find_strategy("lora").options);
  const Tuning result = tune_on(who, peak_at(9));
  ASSERT_EQ(result.asked.size(), 7u);
  EXPECT_EQ(result.asked[5].options, result.asked[4].options);
  EXPECT_EQ(result.asked[6].options, result.asked[4].options);
  EXPECT_EQ(result.tuned.best->options, result.asked[4].options);
}

TEST(Tune, NeverLeavesTheUsersGrid) {
  Candidate who = candidate("full");
  who.config.compare.lr_grid = {0.1, 0.01, 0.5};
  const Tuning result = tune_on(who, peak_at(9));
  ASSERT_EQ(result.asked.size(), 3u);
  EXPECT_EQ(result.tuned.best->lr, 0.5);
  EXPECT_NE(result.tuned.note.find("highest"), std::string::npos);
}

TEST(Tune, EveryCandidateGetsAsManyTrials) {
  for (const std::int64_t n : {2, 3, 4, 7})
    for (const StrategySpec& spec : strategies()) {
      Candidate who = candidate(spec.name);
      for (const OptionSpec& option : spec.options)
        if (!option.tried.empty()) who.searched.push_back(option);
      who.config.compare.tune = n;
      EXPECT_EQ(hyperparameters_to_try(who).size(), static_cast<std::size_t>(n)) << spec.name;
    }
}

TEST(Tune, ARateOfTheConfigIsTheMiddleAndWhatIsTakenUntuned) {
  Candidate who = candidate("head");
  who.config.compare.rates = {{"head", 0.5}, {"full", 7}};
  who.config.compare.tune = 3;
  const std::vector<Hyperparameters> choices = hyperparameters_to_try(who);
  ASSERT_EQ(choices.size(), 3u);
  EXPECT_EQ(choices[1].lr, 0.5);
  who.config.compare.tune = 0;
  ASSERT_EQ(hyperparameters_to_try(who).size(), 1u);
  EXPECT_EQ(hyperparameters_to_try(who)[0].lr, 0.5);
}

TEST(Tune, TiesGoToTheLowerLoss) {
  const Tuning result = tune_on(candidate("full"), [](double lr) {
    return Judged{0.5, std::abs(std::log10(lr) + 2.5), true};
  });
  EXPECT_NEAR(std::log10(result.tuned.best->lr), -2.5, 1e-9);
}

TEST(Tune, LowErrorsWin) {
  const Tuning result = tune_on(
      candidate("full"),
      [](double lr) {
        return Judged{std::abs(std::log10(lr) + 3.5), 1, true};
      },
      false);
  EXPECT_NEAR(std::log10(result.tuned.best->lr), -3.5, 1e-9);
}

// An error of 0 is what a run that diverged has in its row.
TEST(Tune, ADivergedRunNeverWins) {
  for (const bool higher : {false, true}) {
    const Tuning result = tune_on(
        candidate("full"),
        [higher](double lr) {
          return Judged{higher ? -1.0 : 1.0, 5, lr < 3e-3 && lr > 5e-4};
        },
        higher);
    EXPECT_NEAR(result.tuned.best->lr, 1e-3, 1e-9);
    EXPECT_EQ(result.asked.size(), 5u) << "the best is at no edge";
  }
}

TEST(Tune, WithoutATrialThatEndedWellNothingIsChosen) {
  const Tuning result = tune_on(candidate("full"), [](double) { return Judged{1, 1, false}; });
  EXPECT_FALSE(result.tuned.best.has_value());
  EXPECT_EQ(chosen_of(result.tuned), 0);
  EXPECT_EQ(result.tuned.status, RunStatus::diverged);
  EXPECT_NE(result.tuned.note.find("none of its 7 trials ended well"), std::string::npos)
      << result.tuned.note;
  EXPECT_EQ(result.tuned.note.find("lowest"), std::string::npos) << result.tuned.note;
}

TEST(Tune, StoppedDecidesNothing) {
  const Candidate who = candidate("full");
  for (const std::size_t after : {std::size_t{2}, std::size_t{6}}) {
    const Tuning result = tune_on(who, peak_at(9), true, after);
    EXPECT_EQ(result.asked.size(), after);
    EXPECT_FALSE(result.tuned.best.has_value());
    EXPECT_EQ(result.tuned.status, RunStatus::ok) << "nothing is known of it";
    EXPECT_EQ(chosen_of(result.tuned), 0);
  }
}

TEST(Tune, OneChoiceIsNotTried) {
  Candidate who = candidate("full");
  for (const std::int64_t n : {0, 1}) {
    who.config.compare.tune = n;
    const Tuning result = tune_on(who, peak_at(9));
    EXPECT_TRUE(result.asked.empty());
    EXPECT_EQ(result.tuned.best->lr, 1e-3);
  }
}

TEST(Choices, KnobsAreDrawnAndTheMiddleHasTheDefaults) {
  const OptionSpec knob{"r", 8.0, "", {2.0, 4.0, 16.0}};
  Candidate who = candidate("lora", {knob});
  who.config.compare.tune = 41;
  const std::vector<Hyperparameters> choices = hyperparameters_to_try(who);
  std::set<OptionValue> seen;
  for (const Hyperparameters& choice : choices) seen.insert(choice.options.at("r"));
  EXPECT_EQ(seen, (std::set<OptionValue>{2.0, 4.0, 8.0, 16.0}));
  EXPECT_EQ(choices[20].options.at("r"), OptionValue(8.0));
  for (const std::int64_t n : {1, 2, 3, 4}) {
    who.config.compare.tune = n;
    const std::vector<Hyperparameters> few = hyperparameters_to_try(who);
    EXPECT_EQ(few[static_cast<std::size_t>(n / 2)].options.at("r"), OptionValue(8.0)) << n;
    EXPECT_NEAR(few[static_cast<std::size_t>(n / 2)].lr, 1e-3 * find_strategy("lora").default_lr_scale,
                1e-12);
  }
}

TEST(Choices, DrawsFollowTheSeed) {
  Candidate who = candidate("lora", {{"r", 8.0, "", {2.0, 4.0, 16.0}}});
  who.config.compare.tune = 20;
  const auto knobs = [&] {
    std::vector<OptionMap> drawn;
    for (const Hyperparameters& choice : hyperparameters_to_try(who)) drawn.push_back(choice.options);
    return drawn;
  };
  const auto first = knobs();
  EXPECT_EQ(knobs(), first);
  who.config.train.seed = 1;
  EXPECT_NE(knobs(), first);
}

// Candidates as a comparison makes them, of the small task.
struct Candidates : ::testing::Test {
  Candidates() : run("mlp", {"full", {}, {}}) {
    run.config.model.hidden = run.model_config.hidden;
    run.data.test = run.data.validation;
  }
  std::vector<Candidate> make() {
    return make_candidates(run.config, open_source(run.config.model), run.data, false, notes);
  }
  std::set<std::string> knobs_of(const std::string& name) {
    std::set<std::string> names;
    for (const Candidate& c : make())
      if (c.name == name)
        for (const OptionSpec& option : c.searched) names.insert(option.name);
    return names;
  }
  TestRun run;
  std::vector<std::string> notes;
};

TEST_F(Candidates, FullIsAddedAndScratchOnlyWhereSomethingIsPretrained) {
  run.config.compare.strategies = {"head"};
  const std::vector<Candidate> made = make();
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(made[0].name, "full");
  EXPECT_EQ(made[1].name, "head");
  EXPECT_FALSE(made[0].is_baseline || made[1].is_baseline);
  ASSERT_FALSE(notes.empty());
  EXPECT_NE(notes[0].find("full is added"), std::string::npos);
}

TEST_F(Candidates, AStrategyNamedTwiceIsRefused) {
  run.config.compare.strategies = {"head", "full", "head"};
  expect_worded(message_of<InputError>([&] { make(); }));
}

TEST_F(Candidates, KnobsAreThoseThatTheUserDidNotSet) {
  run.config.compare.strategies = {"full", "lora", "l2-sp"};
  EXPECT_EQ(knobs_of("lora"), std::set<std::string>{"r"});
  EXPECT_EQ(knobs_of("l2-sp"), std::set<std::string>{"alpha"});
  run.config.strategy = {"lora", {{"r", 3.0}}, {}};
  EXPECT_TRUE(knobs_of("lora").empty());
  EXPECT_EQ(knobs_of("l2-sp"), std::set<std::string>{"alpha"}) << "what is lora's own stays lora's";
  for (const Candidate& c : make())
    if (c.name == "lora") {
      for (const Hyperparameters& choice : hyperparameters_to_try(c))
        EXPECT_EQ(with_hyperparameters(c, choice).strategy.options.at("r"), OptionValue(3.0));
    }
}

TEST_F(Candidates, WithoutSearchNothingIsDrawn) {
  run.config.compare.strategies = {"full", "lora"};
  run.config.compare.search = false;
  EXPECT_TRUE(knobs_of("lora").empty());
  for (const Candidate& c : make())
    for (const Hyperparameters& choice : hyperparameters_to_try(c)) EXPECT_TRUE(choice.options.empty());
}

TEST(WithChoice, ChangesRateAndKnobs) {
  Candidate who = candidate("lora");
  who.config.strategy.options["alpha"] = 4.0;
  const Config config = with_hyperparameters(who, {0.5, {{"r", 2.0}}});
  EXPECT_EQ(config.train.lr, 0.5);
  EXPECT_EQ(config.strategy.options, (OptionMap{{"alpha", 4.0}, {"r", 2.0}}));
}

TEST(OptionsText, IsReadable) {
  EXPECT_EQ(options_text({}), "");
  EXPECT_EQ(options_text({{"r", 4.0}, {"every", std::string("0.1 run")}}), "every = \"0.1 run\", r = 4");
}

}  // namespace
}  // namespace thaw::test
