// What a comparison's runs say together, on runs that were made up.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include "finetune/compare/data_card.h"
#include "finetune/report/prediction.h"
#include "finetune/report/summary.h"
#include "tests/support/datasets.h"
#include "tests/support/messages.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

ReportedRun run_of(const std::string& strategy, std::uint64_t seed, std::vector<float> scores) {
  ReportedRun run;
  run.strategy = strategy;
  run.seed = run.draw = seed;
  run.status = RunStatus::ok;
  run.metric = "accuracy";
  for (const float score : scores) run.value += score / static_cast<double>(scores.size());
  run.test_scores = std::move(scores);
  run.test = {{"accuracy", run.value}};
  return run;
}

struct Summary : ::testing::Test {
  Summary() { outcome.metric = "accuracy"; }
  ReportedRun& add(const std::string& strategy, std::uint64_t seed, std::vector<float> scores) {
    return outcome.runs.emplace_back(run_of(strategy, seed, std::move(scores)));
  }
  // A run whose metric is `value`, evaluated on the way: (step, metric) with a second for each step.
  void add_evaluated(const std::string& strategy, std::uint64_t seed,
                     const std::vector<std::pair<std::int64_t, double>>& evaluations) {
    ReportedRun& run = add(strategy, seed, {1, 0});
    for (const auto& [step, value] : evaluations)
      run.evaluations.push_back({step, {{outcome.metric, value}}, static_cast<double>(step)});
    run.validation = {{run.metric, evaluations.back().second}};
  }
  const StrategySummary& summary(const std::string& strategy) const {
    for (const StrategySummary& s : outcome.summaries)
      if (s.strategy == strategy) return s;
    throw std::logic_error(strategy);
  }
  void summarise_as(const std::vector<std::string>& strategies) {
    std::vector<SummaryRow> rows;
    rows.reserve(strategies.size());
    for (const std::string& name : strategies)
      rows.push_back({name, name == "probe" || name == "scratch", "about " + name, {}, name == "late"});
    outcome.summaries.clear();
    summarise(rows, config, outcome);
  }
  Config config;
  CompareOutcome outcome;
};

TEST_F(Summary, RepeatsAreAveragedPerDraw) {
  add("full", 11, {1, 1, 1}).draw = 1;
  add("full", 10, {1, 0, 1}).draw = 0;
  add("full", 12, {0, 1, 1}).draw = 1;
  add("full", 9, {0, 0, 1}).draw = 0;
  add("head", 9, {0, 0, 0}).draw = 0;
  const Scores scores = scores_of("full", outcome);
  EXPECT_EQ(scores.seeds, 2);
  EXPECT_EQ(scores.examples, 3);
  EXPECT_EQ(scores.values, (std::vector<float>{0.5F, 0, 1, 0.5F, 1, 1}));
  add("full", 13, {1, 1, 1}).status = RunStatus::diverged;
  EXPECT_TRUE(scores_of("full", outcome).values.empty());
  EXPECT_TRUE(scores_of("nobody", outcome).values.empty());
}

// Draws differ by +-0.3 around 0.5, runs of a draw by +-0.1: MS within = 0.02, MS between = 0.36.
TEST_F(Summary, SpreadIsPartedBetweenDrawsAndRepeats) {
  config.compare.repeats = 2;
  for (const auto& [seed, value] : {std::pair{0, 0.1}, {1, 0.3}, {2, 0.7}, {3, 0.9}}) {
    ReportedRun& run = add("full", static_cast<std::uint64_t>(seed), {1, 0});
    run.draw = static_cast<std::uint64_t>(seed) / 2;
    run.value = value;
  }
  add("head", 0, {1, 0}).value = 40;
  summarise_as({"full", "head"});
  ASSERT_TRUE(outcome.full_spread.has_value());
  EXPECT_NEAR(outcome.full_spread->seed, std::sqrt(0.02), 1e-12);
  EXPECT_NEAR(outcome.full_spread->draw, std::sqrt((0.36 - 0.02) / 2), 1e-12);
}

TEST_F(Summary, SpreadOfDrawsIsNeverNegative) {
  config.compare.repeats = 2;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    ReportedRun& run = add("full", seed, {1, 0});
    run.draw = seed / 2;
    run.value = seed % 2 == 0 ? 0.4 : 0.6;
  }
  summarise_as({"full"});
  ASSERT_TRUE(outcome.full_spread.has_value());
  EXPECT_EQ(outcome.full_spread->draw, 0);
  EXPECT_NEAR(outcome.full_spread->seed, std::sqrt(0.02), 1e-12);
}

TEST_F(Summary, SpreadNeedsWholeDrawsAndRepeats) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) add("full", seed, {1, 0}).draw = seed / 2;
  summarise_as({"full"});
  EXPECT_FALSE(outcome.full_spread.has_value()) << "no repeats";
  config.compare.repeats = 2;
  outcome.runs[3].status = RunStatus::diverged;
  summarise_as({"full"});
  EXPECT_FALSE(outcome.full_spread.has_value()) << "a draw lacks one";
}

// Full ends at 0.9 on average: the goal is 0.895.
TEST_F(Summary, TimeToFullIsTheMedianOfFirstArrivals) {
  add_evaluated("full", 0, {{10, 0.5}, {20, 0.92}});
  add_evaluated("full", 1, {{10, 0.8}, {20, 0.88}});
  // Within half a point of 0.92 and 0.88, where full ended with the same seed.
  add_evaluated("head", 0, {{10, 0.914}, {30, 0.9151}, {40, 0.2}});
  add_evaluated("head", 1, {{10, 0.876}, {30, 0.1}});
  add_evaluated("lora", 0, {{10, 0.1}, {20, 0.2}});
  add_evaluated("lora", 1, {{10, 0.99}, {20, 0.2}});
  summarise_as({"full", "head", "lora"});
  EXPECT_EQ(summary("head").steps_to_full, 20);
  EXPECT_EQ(summary("head").seconds_to_full, 20);
  EXPECT_EQ(summary("full").steps_to_full, 20);
  EXPECT_FALSE(summary("lora").steps_to_full.has_value()) << "one of two never came there";
}

// Convergence and restore_best keep the weights of the best evaluation, not of the last.
TEST_F(Summary, TimeToFullIsThatOfTheWeightsThatFullKept) {
  add_evaluated("full", 0, {{10, 0.8}, {20, 0.9}, {30, 0.7}});
  outcome.runs.back().validation = {{"accuracy", 0.9}};
  add_evaluated("head", 0, {{10, 0.7}, {40, 0.9}});
  summarise_as({"full", "head"});
  EXPECT_EQ(summary("full").steps_to_full, 20);
  EXPECT_EQ(summary("head").steps_to_full, 40);
}

TEST_F(Summary, TimeToFullOfErrorsIsWithinHalfAPercent) {
  outcome.metric = "rmse";
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    add_evaluated("full", seed, {{10, 5}, {20, 2}});
    add_evaluated("head", seed, {{10, 2.011}, {20, seed == 0 ? 9 : 2.009}});
  }
  outcome.runs.back().status = RunStatus::diverged;
  summarise_as({"full", "head"});
  EXPECT_EQ(summary("full").steps_to_full, 20);
  EXPECT_FALSE(summary("head").steps_to_full.has_value()) << "one never came there, one diverged";
  outcome.runs.back().status = RunStatus::ok;
  summarise_as({"full", "head"});
  EXPECT_EQ(summary("head").steps_to_full, 20);
}

TEST_F(Summary, AWorseMeanThanTheProbesIsBelowIt) {
  add("probe", 0, {1, 1, 0, 0});
  add("full", 0, {1, 1, 1, 0});
  add("head", 0, {1, 0, 0, 0});
  add("scratch", 0, {0, 0, 0, 0});
  add("lora", 0, {1, 1, 0, 0});
  add("late", 0, {0, 0, 0, 0}).status = RunStatus::diverged;
  const std::vector<std::string> names{"probe", "full", "head", "scratch", "lora", "late"};
  summarise_as(names);
  for (const std::string& name : names) EXPECT_EQ(summary(name).below_probe, name == "head") << name;
  EXPECT_FALSE(summary("head").below_probe_why.empty()) << "it is untuned";
  EXPECT_TRUE(summary("full").below_probe_why.empty());
  EXPECT_TRUE(summary("late").exploratory);
  EXPECT_FALSE(summary("head").exploratory);
  outcome.metric = "rmse";
  summarise_as(names);
  EXPECT_TRUE(summary("full").below_probe);
  EXPECT_FALSE(summary("head").below_probe);
}

TEST_F(Summary, PhasesThatNeverBeganAreToldOnce) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    ReportedRun& run = add("full", seed, {1, 0});
    if (seed > 0) run.never_began = {"phase 2 (epoch 9)"};
    run.kept_is_of_earlier_phase = seed == 2;
  }
  summarise_as({"full"});
  EXPECT_EQ(summary("full").never_began, (std::vector<std::string>{"phase 2 (epoch 9)"}));
  EXPECT_EQ(summary("full").kept_earlier_phase, 1);
}

TEST_F(Summary, IntervalsStayWithinWhatCanBe) {
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    add("full", seed, seed == 0 ? std::vector<float>{1, 1, 1, 1} : std::vector<float>{1, 0, 1, 0});
    outcome.runs.back().train_seconds = seed == 0 ? 1 : 3;
  }
  summarise_as({"full"});
  EXPECT_GE(summary("full").value.low, 0);
  EXPECT_LE(summary("full").value.high, 1);
  EXPECT_GT(summary("full").value.high, summary("full").value.mean);
  EXPECT_EQ(summary("full").seconds.low, 0);
  EXPECT_LE(summary("full").metrics[0].interval.high, 1);
  outcome.runs[1].status = RunStatus::diverged;
  summarise_as({"full"});
  EXPECT_EQ(summary("full").value.high, 1);
}

TEST_F(Summary, OnlyWholeStrategiesAreJudged) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    add("full", seed, {1, 0, 1, 0, 1, 1});
    add("head", seed, {0, 0, 1, 0, 1, 0});
    add("lora", seed, {1, 0, 1, 0, 1, 1}).status = seed == 1 ? RunStatus::diverged : RunStatus::ok;
  }
  add("late", 0, {1, 0, 1, 0, 1, 1});
  const std::vector<std::string> names{"full", "head", "lora", "late", "nobody"};
  summarise_as(names);
  for (const std::string& name : names) EXPECT_EQ(summary(name).to_full.has_value(), name == "head") << name;
  EXPECT_NEAR(summary("head").to_full->pointwise.mean, -1.0 / 3, 1e-6);
  EXPECT_NEAR(summary("full").rank_probability[0], 1, 0.1);
  EXPECT_EQ(summary("lora").failed, 1);
  EXPECT_EQ(summary("lora").runs, 3);
  EXPECT_EQ(summary("nobody").runs, 0);
  outcome.interrupted = true;
  summarise_as(names);
  EXPECT_FALSE(summary("head").to_full.has_value());
}

struct Predicted : Summary {
  Predicted() {
    config.compare.strategies = {"full", "head", "lora", "gradual"};
    config.compare.predict = {"head", "lora"};
    config.compare.prediction = "because";
  }
  std::optional<Contrast> contrast_with(const std::vector<std::vector<float>>& scores) {
    outcome.runs.clear();
    for (std::uint64_t seed = 0; seed < 3; ++seed)
      for (std::size_t i = 0; i < 4; ++i) add(config.compare.strategies[i], seed, scores[i]);
    outcome.prediction = make_prediction(config.compare);
    summarise_as(config.compare.strategies);
    return outcome.prediction->contrast;
  }
};

TEST_F(Predicted, ContrastIsOfTheMeans) {
  const std::vector<float> low{0, 0, 1, 0}, middle{1, 0, 1, 0}, high{1, 1, 1, 0}, full{1, 1, 1, 1};
  const auto better = contrast_with({full, high, middle, low});
  ASSERT_TRUE(better.has_value());
  EXPECT_NEAR(better->pointwise.mean, (0.75 + 0.5) / 2 - 0.25, 1e-6) << "full is no rival";
  const auto worse = contrast_with({full, low, middle, high});
  EXPECT_NEAR(worse->pointwise.mean, (0.25 + 0.5) / 2 - 0.75, 1e-6);
}

TEST_F(Predicted, ADivergedRunLeavesItOpen) {
  contrast_with({{1}, {1}, {1}, {0}});
  outcome.runs.back().status = RunStatus::diverged;
  outcome.prediction = make_prediction(config.compare);
  judge(*outcome.prediction, outcome, 0);
  EXPECT_FALSE(outcome.prediction->contrast.has_value());
}

// 4 % of an error of 100, where the margin is a share of full's error.
TEST_F(Predicted, OfAnErrorTheMarginIsAShare) {
  outcome.metric = "rmse";
  outcome.margin = 0.05;
  const auto contrast = contrast_with({{100, 100}, {104, 104}, {104, 104}, {100, 100}});
  ASSERT_TRUE(contrast.has_value());
  EXPECT_NEAR(contrast->margin, 5, 1e-9);
}

TEST_F(Predicted, TheHashIsOfAllThatWasSaid) {
  const std::string hash = make_prediction(config.compare)->sha256;
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(make_prediction(config.compare)->sha256, hash);
  const auto differs = [&](auto change) {
    CompareSection other = config.compare;
    change(other);
    EXPECT_NE(make_prediction(other)->sha256, hash);
  };
  differs([](CompareSection& c) { c.prediction = "because of that"; });
  differs([](CompareSection& c) { c.predict = {"lora"}; });
  differs([](CompareSection& c) { c.strategies = {"full", "head", "lora", "bitfit"}; });
  config.compare.predict.clear();
  expect_worded(message_of<InputError>([&] { make_prediction(config.compare); }));
  config.compare.prediction.clear();
  EXPECT_FALSE(make_prediction(config.compare).has_value());
}

TEST_F(Predicted, IsDescribedWithItsRivals) {
  const Prediction prediction = *make_prediction(config.compare);
  EXPECT_EQ(describe(prediction), "head, lora before gradual: because (sha256 " + prediction.sha256 + ")");
}

TEST_F(Predicted, NeedsContestants) {
  config.compare.strategies = {"full", "head", "gradual"};
  expect_worded(message_of<InputError>([&] { make_prediction(config.compare); }));
  config.compare.strategies = {"full", "head", "lora"};
  expect_worded(message_of<InputError>([&] { make_prediction(config.compare); }));
}

// Rows on a line, one number each.
Dataset points(const std::vector<float>& values) { return number_samples({1}, values); }

TEST(NearDuplicates, AreNearerThanATenthOfTheMedian) {
  const Dataset first = points({0, 100, 200, 300});
  const auto count = [&](const std::vector<float>& second) {
    const NearDuplicates near = near_duplicates(first, points(second));
    EXPECT_EQ(near.compared, 4);
    return near.count;
  };
  EXPECT_EQ(count({10, 110, 210, 310, 410}), 0);
  EXPECT_EQ(count({10, 110, 210, 300, 410}), 1) << "an exact one";
  EXPECT_EQ(count({10, 110, 210, 300.5F, 99.5F}), 2) << "near ones";
  EXPECT_EQ(count({10, 110, 210, 301.5F, 410}), 0) << "the limit is 1";
}

TEST(NearDuplicates, OfTextsHaveTheSameWords) {
  const auto texts = [](const std::vector<std::string>& all) {
    std::vector<Text> samples;
    for (const std::string& text : all) samples.push_back({text, ""});
    return text_samples(std::move(samples));
  };
  const Dataset first = texts({"A fine film, really.", "It's bad", "caf\u00e9"});
  const Dataset second = texts({"a fine film -- REALLY!", "A fine film", "it s bad", "CAF\u00e9 ", "cafe"});
  EXPECT_EQ(near_duplicates(first, second).count, 3);
}

TEST(NearDuplicates, OfPairsHaveTheSameWordsInBoth) {
  const Dataset first = text_samples({{"A man sleeps.", "He rests."}, {"A dog runs.", "It moves."}});
  const Dataset second =
      text_samples({{"a man sleeps", "he RESTS"}, {"A man sleeps.", "He eats."}, {"It moves.", ""}});
  EXPECT_EQ(near_duplicates(first, second).count, 1);
}

TEST(NearDuplicates, ACommonOffsetCostsNoDigits) {
  const float far = 1e6F;
  const Dataset first = points({far, far + 100, far + 200});
  EXPECT_EQ(near_duplicates(first, points({far + 10, far + 110, far + 200, far + 40})).count, 1);
}

TEST(NearDuplicates, AreCountedOverEveryBlock) {
  std::vector<float> second(600, 10.0F);
  second[599] = 100;
  EXPECT_EQ(near_duplicates(points({0, 100}), points(second)).count, 1);
}

TEST(NearDuplicates, AreCutToSoManyPairs) {
  const Dataset first = points({0, 100, 200, 300}), second = points({310, 150, 290, 50, 300});
  EXPECT_EQ(near_duplicates(first, second).count, 1);
  const NearDuplicates cut = near_duplicates(first, second, 10);
  EXPECT_EQ(cut.compared, 2);
  EXPECT_EQ(cut.count, 0) << "the last row was passed over";
  EXPECT_EQ(near_duplicates(first, second, 1).compared, 1);
}

TEST(NearDuplicates, NothingToCompare) {
  EXPECT_EQ(near_duplicates(points({}), points({1})).compared, 0);
  EXPECT_EQ(near_duplicates(points({1}), points({})).compared, 0);
}

TEST(DataWarnings, NameWhatAReaderWouldObjectTo) {
  DataCard card;
  card.train = card.validation = 50;
  EXPECT_TRUE(data_warnings(card).empty());
  card.validation = 51;
  card.near_duplicates = 3;
  const std::vector<std::string> warnings = data_warnings(card);
  ASSERT_EQ(warnings.size(), 2u);
  expect_has(warnings[0], "51 validation samples, more than the 50 that train");
  expect_has(warnings[1], "3 test rows are nearly rows of the training data");
  card.near_duplicates = 1;
  expect_has(data_warnings(card)[1], "1 test row is nearly a row of the training data");
}

}  // namespace
}  // namespace thaw::test
