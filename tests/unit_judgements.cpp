// What verdicts rest on, where a mistake would be a stronger claim than the runs allow.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "finetune/compare/row.h"
#include "finetune/report/html/pareto.h"
#include "finetune/report/html/tables.h"
#include "finetune/report/summary.h"
#include "finetune/report/verdict.h"
#include "tests/support/comparison.h"

namespace thaw::test {
namespace {

Scores noisy_scores(std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  Scores scores{5, 40, {}};
  for (int r = 0; r < 5; ++r) {
    const double level = 0.02 * normal(random);
    for (int i = 0; i < 40; ++i) scores.values.push_back(static_cast<float>(level + 0.2 * normal(random)));
  }
  return scores;
}

// Twelve strategies: the interval of one alone is narrower than what holds for all of them at once.
struct TwelveStrategies : ::testing::Test {
  TwelveStrategies() {
    std::mt19937_64 random(3);
    for (int s = 0; s < 12; ++s) strategies.push_back(noisy_scores(random));
    reference = noisy_scores(random);
  }
  std::vector<Contrast> judge(double margin) const {
    InferenceOptions options;
    options.margin = margin;
    options.difference = {-1, 1};
    options.draws = 500;
    return conclude(strategies, reference, options).contrasts;
  }
  std::vector<Scores> strategies;
  Scores reference;
};

TEST_F(TwelveStrategies, EquivalenceIsOfAllOfThemAtOnce) {
  const std::vector<Contrast> free = judge(0);
  for (std::size_t s = 0; s < free.size(); ++s) {
    const Contrast& c = free[s];
    const double alone = std::abs(c.pointwise.mean) + t_quantile(0.1, c.degrees) * c.standard_error;
    const double at_once = std::max(-c.simultaneous.low, c.simultaneous.high);
    ASSERT_LT(1.05 * alone, at_once);
    EXPECT_NE(judge(1.02 * alone)[s].verdict, Verdict::equivalent) << s;
    if (c.verdict == Verdict::undetected) {
      EXPECT_EQ(judge(1.001 * at_once)[s].verdict, Verdict::equivalent) << s;
    }
  }
}

// A shift between the two half-widths is found for one strategy, not for one of twelve.
TEST_F(TwelveStrategies, ADifferenceIsOneOfTwelve) {
  const Contrast c = judge(0)[0];
  const double alone = c.pointwise.high - c.pointwise.mean,
               at_once = c.simultaneous.high - c.simultaneous.mean;
  ASSERT_LT(1.2 * alone, at_once);
  const auto shift = static_cast<float>(1.1 * alone - c.pointwise.mean);
  for (float& score : strategies[0].values) score += shift;
  const Contrast shifted = judge(0)[0];
  EXPECT_GT(shifted.pointwise.low, 0);
  EXPECT_EQ(shifted.verdict, Verdict::undetected);
}

// Five seeds that agree on every example say nothing of other examples: 58 of 100 better, 42 worse.
TEST(Examples, VaryThoughSeedsAgree) {
  Scores better{5, 100, {}}, reference{5, 100, {}};
  for (int r = 0; r < 5; ++r)
    for (int i = 0; i < 100; ++i) {
      better.values.push_back(i < 58 ? 1.0F : 0.0F);
      reference.values.push_back(i < 58 ? 0.0F : 1.0F);
    }
  const Contrast c = conclude({better}, reference, {}).contrasts[0];
  EXPECT_NEAR(c.pointwise.mean, 0.16, 1e-6);
  EXPECT_NEAR(c.standard_error, 0.0992, 1e-3);  // of 100 numbers, 58 of them 1 and 42 -1
  EXPECT_EQ(c.verdict, Verdict::undetected);
}

ReportedRun run_of(const std::string& strategy, std::uint64_t seed, std::uint64_t draw,
                   std::vector<float> scores) {
  ReportedRun run;
  run.strategy = strategy;
  run.seed = seed;
  run.draw = draw;
  run.status = RunStatus::ok;
  for (const float score : scores) run.value += score / static_cast<double>(scores.size());
  run.train_seconds = run.value;
  run.test_scores = std::move(scores);
  return run;
}

CompareOutcome summarised(const std::string& metric, const std::vector<ReportedRun>& runs,
                          double margin = 0.01) {
  CompareOutcome outcome;
  outcome.metric = metric;
  outcome.margin = margin;
  outcome.runs = runs;
  summarise({{"full", false, "", {}, false}, {"head", false, "", {}, false}}, Config{}, outcome);
  return outcome;
}

void expect_same(const Interval& a, const Interval& b) {
  EXPECT_NEAR(a.mean, b.mean, 1e-6);
  EXPECT_NEAR(a.low, b.low, 1e-6);
  EXPECT_NEAR(a.high, b.high, 1e-6);
}

// Three runs on each of two subsets say as much as one run on each, whose scores are their mean.
TEST(Repeats, OfASubsetAreOneWitness) {
  const auto scores = [](double level, int seed) {
    std::vector<float> values;
    for (int i = 0; i < 8; ++i) values.push_back(static_cast<float>(level + 0.01 * ((3 * seed + 5 * i) % 7)));
    return values;
  };
  std::vector<ReportedRun> repeated, single;
  for (const std::string strategy : {"full", "head"})
    for (std::uint64_t draw = 0; draw < 2; ++draw) {
      const double level = (strategy == "full" ? 0.5 : 0.55) + (draw == 1 && strategy == "full" ? 0.2 : 0);
      std::vector<float> mean(8);
      for (std::uint64_t repeat = 0; repeat < 3; ++repeat) {
        const std::uint64_t seed = 3 * draw + repeat;
        repeated.push_back(run_of(strategy, seed, draw, scores(level, static_cast<int>(seed))));
        for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += repeated.back().test_scores[i] / 3;
      }
      single.push_back(run_of(strategy, draw, draw, mean));
    }
  const CompareOutcome many = summarised("accuracy", repeated), few = summarised("accuracy", single);
  for (std::size_t s = 0; s < 2; ++s) {
    expect_same(many.summaries[s].value, few.summaries[s].value);
    expect_same(many.summaries[s].seconds, few.summaries[s].seconds);
  }
  ASSERT_TRUE(many.summaries[1].to_full && few.summaries[1].to_full);
  expect_same(many.summaries[1].to_full->simultaneous, few.summaries[1].to_full->simultaneous);
  EXPECT_NEAR(many.summaries[1].to_full->degrees, few.summaries[1].to_full->degrees, 1e-3);
}

// Of an error full's own size is the measure; of a share a point is a point.
TEST(Margin, OfAnErrorIsAShareOfFulls) {
  const std::vector<ReportedRun> runs = {run_of("full", 0, 0, {30, 50}), run_of("head", 0, 0, {31, 50})};
  EXPECT_NEAR(summarised("rmse", runs, 0.02).summaries[1].to_full->margin, 0.02 * 40, 1e-9);
  EXPECT_NEAR(summarised("mae", runs, 0.02).summaries[1].to_full->margin, 0.02 * 40, 1e-9);
  EXPECT_NEAR(summarised("r2", runs, 0.02).summaries[1].to_full->margin, 0.02, 1e-9);
}

// Half as dear as full, and as good as "dear", which is then not on the front.
TEST(Front, HasNoneThatIsDearerAndNoBetter) {
  CompareOutcome outcome =
      small_comparison({{"dear", 0.85, Verdict::undetected}, {"cheap", 0.85, Verdict::undetected}});
  const std::string section = report::pareto_section(outcome);
  const std::size_t begin = section.find("no other is both as good and as cheap: ");
  ASSERT_NE(begin, std::string::npos);
  const std::string front = section.substr(begin, section.find('<', begin) - begin);
  EXPECT_NE(front.find("cheap (0.85"), std::string::npos) << front;
  EXPECT_EQ(front.find("dear ("), std::string::npos) << front;
}

TEST(Costs, AreSharesOfFulls) {
  const std::string tables = report::result_tables(
      small_comparison({{"half", 0.85, Verdict::undetected}, {"third", 0.85, Verdict::undetected}}));
  for (const char* share : {"100.0 %", "50.0 %", "33.3 %"})
    EXPECT_NE(tables.find(share), std::string::npos) << share;
}

// Rank 4 of five is the first that is reached in half of the draws.
TEST(Ranking, HasTheMedianOfTheRanks) {
  CompareOutcome outcome = small_comparison({{"a", 0.85, Verdict::undetected},
                                             {"b", 0.85, Verdict::undetected},
                                             {"c", 0.85, Verdict::undetected},
                                             {"d", 0.85, Verdict::undetected}});
  const auto with_ranks = [&](std::vector<double> probability) {
    outcome.summaries[1].rank_probability = std::move(probability);
    return report::result_tables(outcome);
  };
  EXPECT_EQ(with_ranks({0.1, 0.1, 0.2, 0.2, 0.4}), with_ranks({0.1, 0, 0, 0.9, 0}));
  EXPECT_NE(with_ranks({0.1, 0.1, 0.2, 0.2, 0.4}), with_ranks({0.1, 0, 0, 0, 0.9}));
}

TEST(Exploratory, IsSaidInTheTableOfWhatWasAddedLater) {
  CompareOutcome outcome = small_comparison({{"head", 0.7, Verdict::undetected}});
  const auto count = [&] {
    const std::string tables = report::result_tables(outcome);
    int found = 0;
    for (std::size_t at = tables.find("exploratory"); at != std::string::npos;
         at = tables.find("exploratory", at + 1))
      ++found;
    return found;
  };
  EXPECT_EQ(count(), 0);
  outcome.summaries[1].exploratory = true;
  EXPECT_GT(count(), 1) << "beside its name, not in the footnotes alone";
}

// Finite weights can give answers that are none: such a run is no result.
TEST(Answers, ThatAreNotFiniteAreNoResult) {
  RunResult result;
  result.test = {{"loss", 0.5}, {"accuracy", 0.75}};
  ReportedRun row;
  row.metric = "accuracy";
  fill_row(row, result);
  EXPECT_EQ(row.status, RunStatus::ok);
  result.test = {{"loss", std::nan("")}, {"accuracy", std::nan("")}};
  fill_row(row, result);
  EXPECT_EQ(row.status, RunStatus::diverged);
}

// The strategies of small_comparison() are the cheaper the later they stand.
TEST(Cheapest, IsNeverOneThatWasFoundWorse) {
  const std::string text = verdict_paragraph(small_comparison({{"top-1", 0.79, Verdict::undetected},
                                                               {"bitfit", 0.8, Verdict::equivalent},
                                                               {"head", 0.6, Verdict::worse}}));
  EXPECT_NE(text.find("The cheapest strategy not found worse is bitfit: "), std::string::npos) << text;
  const std::string other = verdict_paragraph(
      small_comparison({{"top-1", 0.79, Verdict::undetected}, {"head", 0.6, Verdict::worse}}));
  EXPECT_NE(other.find("The cheapest strategy not found worse is top-1 (which does not show"),
            std::string::npos)
      << other;
}

}  // namespace
}  // namespace thaw::test
