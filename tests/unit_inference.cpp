// The comparison's statistics, tried on simulated results of which the truth is known. Every figure that is
// checked is printed too.
#include "finetune/report/inference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace thaw::test {
namespace {

// What the simulated network's answers depend on; deviations are on the scale of log-odds.
struct World {
  std::int64_t seeds = 5, examples = 500, strategies = 8;
  double subset = 0.3;  // of a seed's labelled subset, shared by all strategies
  double run = 0.2;     // of one run
  double answer = 0.5;  // of one run's answer to one example
  double effect = 0;    // of every strategy but the reference
  double wild_run = 0;  // of one run of the first strategy, if not as the others
};

Scores simulate(const World& world, double effect, const std::vector<double>& subset,
                const std::vector<double>& difficulty, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  Scores scores{world.seeds, world.examples, {}};
  for (std::int64_t r = 0; r < world.seeds; ++r) {
    const double level = effect + subset[static_cast<std::size_t>(r)] + world.run * normal(random);
    for (const double threshold : difficulty)
      scores.values.push_back(level + world.answer * normal(random) > threshold ? 1.0F : 0.0F);
  }
  return scores;
}

struct Results {
  std::vector<Scores> strategies;
  Scores reference;
};

Results simulate(const World& world, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::vector<double> subset, difficulty;
  for (std::int64_t r = 0; r < world.seeds; ++r) subset.push_back(world.subset * normal(random));
  for (std::int64_t i = 0; i < world.examples; ++i) difficulty.push_back(-1.2 + 1.6 * normal(random));
  Results results;
  for (std::int64_t s = 0; s < world.strategies; ++s) {
    World own = world;
    if (s == 0 && world.wild_run > 0) own.run = world.wild_run;
    results.strategies.push_back(simulate(own, world.effect, subset, difficulty, random));
  }
  results.reference = simulate(world, 0, subset, difficulty, random);
  return results;
}

// P(right) of a run of level 0 is Phi((level + 1.2) / sqrt(..)): the true difference in accuracy.
double true_difference(const World& world) {
  const double spread = std::sqrt(1.6 * 1.6 + world.answer * world.answer + world.run * world.run +
                                  world.subset * world.subset);
  const auto phi = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  return phi((1.2 + world.effect) / spread) - phi(1.2 / spread);
}

struct Tally {
  double covered = 0;         // share of pointwise intervals that hold the truth
  double family_covered = 0;  // share of comparisons whose simultaneous intervals all do
  double any_verdict = 0;     // share of comparisons with a "better" or "worse"
  double found = 0;           // share of strategies that are called better
  double equivalent = 0;      // share of comparisons with an "equivalent"
  double detectable = 0;      // mean
};

Tally tally(const World& world, int comparisons, double margin = 0.01) {
  std::mt19937_64 random(7);
  const double truth = true_difference(world);
  const double one = 1.0 / comparisons, each = one / static_cast<double>(world.strategies);
  Tally sum;
  for (int n = 0; n < comparisons; ++n) {
    const Results results = simulate(world, random);
    InferenceOptions options;
    options.draws = 500;
    options.margin = margin;
    options.seed = static_cast<std::uint64_t>(n);
    bool all = true, verdict = false, equivalent = false;
    for (const Contrast& c : conclude(results.strategies, results.reference, options).contrasts) {
      sum.covered += each * (c.pointwise.low <= truth && truth <= c.pointwise.high);
      all &= c.simultaneous.low <= truth && truth <= c.simultaneous.high;
      verdict |= c.verdict == Verdict::better || c.verdict == Verdict::worse;
      equivalent |= c.verdict == Verdict::equivalent;
      sum.found += each * (c.verdict == Verdict::better);
      sum.detectable += each * c.detectable;
    }
    sum.family_covered += one * all;
    sum.any_verdict += one * verdict;
    sum.equivalent += one * equivalent;
  }
  std::printf(
      "%lld seeds, %lld examples, %lld strategies, true difference %.4f: pointwise %.3f, simultaneous %.3f, "
      "any verdict %.3f, found %.3f, equivalent %.3f, detectable %.4f\n",
      static_cast<long long>(world.seeds), static_cast<long long>(world.examples),
      static_cast<long long>(world.strategies), truth, sum.covered, sum.family_covered, sum.any_verdict,
      sum.found, sum.equivalent, sum.detectable);
  return sum;
}

// Of 600 comparisons at 5 % the binomial deviation is 0.9 points.
TEST(Inference, AStrategyAgainstItselfIsSeldomCalledDifferent) {
  for (const double run : {0.05, 0.3}) {
    World world;
    world.examples = 200;
    world.run = run;
    EXPECT_LE(tally(world, 600).any_verdict, 0.05) << "run deviation " << run;
  }
}

TEST(Inference, IntervalsCover) {
  for (const double run : {0.05, 0.3}) {
    World world;
    world.run = run;
    world.effect = 0.2;
    const Tally result = tally(world, 400);
    EXPECT_GE(result.covered, 0.93);
    EXPECT_LE(result.covered, 0.97);
    EXPECT_GE(result.family_covered, 0.93);
  }
}

// Few seeds may agree by chance: then the many examples must not speak for the seeds.
TEST(Inference, FewSeedsClaimNoMoreThanTheyKnow) {
  for (const std::int64_t seeds : {2, 3})
    for (const double run : {0.05, 0.3}) {
      World world;
      world.seeds = seeds;
      world.run = run;
      const Tally result = tally(world, 300);
      EXPECT_GE(result.covered, 0.94) << seeds << " seeds, run deviation " << run;
      EXPECT_LE(result.any_verdict, 0.05) << seeds << " seeds, run deviation " << run;
    }
}

// One strategy whose runs differ much has few degrees of freedom, which are its own affair.
TEST(Inference, AWildStrategyWidensItsOwnIntervalAlone) {
  World world;
  world.run = 0.02;
  world.answer = 0.3;
  std::mt19937_64 random(3);
  const Results calm = simulate(world, random);
  Results mixed = calm;
  world.wild_run = 1;
  std::mt19937_64 again(3);
  mixed.strategies[0] = simulate(world, again).strategies[0];
  const auto widths = [](const Results& results) {
    std::vector<double> found;
    for (const Contrast& c : conclude(results.strategies, results.reference, {}).contrasts)
      found.push_back(c.simultaneous.high - c.simultaneous.low);
    return found;
  };
  const std::vector<double> before = widths(calm), after = widths(mixed);
  EXPECT_GT(after[0], 3 * before[0]);
  for (std::size_t s = 1; s < before.size(); ++s) EXPECT_NEAR(after[s], before[s], 0.1 * before[s]) << s;
}

TEST(Inference, AnOutlierOfOneStrategyLeavesTheOthersAlone) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  Scores full{3, 200, {}}, close = full, wild = full;
  for (int i = 0; i < 600; ++i) {
    const double error = std::abs(normal(random));
    full.values.push_back(static_cast<float>(error));
    close.values.push_back(static_cast<float>(error + 0.01 * normal(random)));
    wild.values.push_back(static_cast<float>(i % 200 == 7 ? 1000 : error));
  }
  InferenceOptions options;
  options.higher_is_better = false;
  options.margin = 0.02;
  const Conclusions conclusions = conclude({close, wild}, full, options);
  EXPECT_EQ(conclusions.contrasts[0].verdict, Verdict::equivalent);
  EXPECT_LT(conclusions.contrasts[0].standard_error, 0.001);
  EXPECT_EQ(conclusions.contrasts[1].verdict, Verdict::undetected);
}

// A difference that is larger than the scores allow is none that could be detected.
TEST(Inference, WhatCannotBeIsNotCalledDetectable) {
  World world;
  world.seeds = 2;
  world.examples = 40;
  world.run = 0.8;
  std::mt19937_64 random(2);
  const Results results = simulate(world, random);
  bool any = false;
  for (const Contrast& c : conclude(results.strategies, results.reference, {}).contrasts) {
    EXPECT_TRUE(c.detectable <= 1 || std::isinf(c.detectable)) << c.detectable;
    any |= std::isinf(c.detectable);
  }
  EXPECT_TRUE(any);
}

// What is said to be detectable with probability 0.8 is detected that often.
TEST(Inference, ADetectableDifferenceIsDetected) {
  World world;
  world.effect = 0.2;
  const double goal = tally(world, 60).detectable;
  double low = 0, high = 2;
  for (int i = 0; i < 40; ++i) {
    world.effect = (low + high) / 2;
    (true_difference(world) < goal ? low : high) = world.effect;
  }
  const Tally result = tally(world, 200);
  EXPECT_NEAR(result.detectable, goal, 0.1 * goal) << "else the goal was another world's";
  EXPECT_GE(result.found, 0.75);
  EXPECT_LE(result.found, 0.85);
}

// Eighteen answers that are right with both show little: the nineteenth may differ.
TEST(Inference, NoDifferenceAtAllIsNoEquivalenceByItself) {
  InferenceOptions options;
  options.range = 1;
  const auto verdict = [&](std::int64_t examples) {
    const Scores right{3, examples, std::vector<float>(static_cast<std::size_t>(3 * examples), 1)};
    const Contrast c = conclude({right}, right, options).contrasts[0];
    EXPECT_LE(mean_interval(right, 1).low, 1 - 1.0 / static_cast<double>(examples));
    return c.verdict;
  };
  EXPECT_EQ(verdict(18), Verdict::undetected);
  EXPECT_EQ(verdict(2000), Verdict::equivalent);
}

// scipy 1.17.1, nct.sf(critical, degrees, shift) + nct.cdf(-critical, degrees, shift).
TEST(Inference, NoncentralT) {
  EXPECT_NEAR(t_power(0, 2.7764, 4), 0.05, 1e-5);
  // Below two degrees the density has no slope at 0, and the midpoint rule is less exact.
  EXPECT_NEAR(t_power(0.5, 2, 1), 0.326092, 1e-3);
  EXPECT_NEAR(t_power(4, 5, 1.5), 0.508430, 1e-3);
  EXPECT_NEAR(t_power(3, 2.7764, 4), 0.619274, 1e-6);
  EXPECT_NEAR(t_power(5.4, 4.5, 4), 0.745046, 1e-6);
  EXPECT_NEAR(t_power(2.8, 1.97, 300), 0.796440, 1e-6);
  EXPECT_NEAR(t_power(t_shift(0.8, 4.5, 4), 4.5, 4), 0.8, 1e-9);
}

TEST(Inference, StudentsT) {
  EXPECT_NEAR(t_quantile(0.05, 1), 12.7062, 1e-4);
  EXPECT_NEAR(t_quantile(0.05, 4), 2.7764, 1e-4);
  EXPECT_NEAR(t_quantile(0.01, 12), 3.0545, 1e-4);
  EXPECT_NEAR(t_quantile(0.05, 2.5), 3.5747, 1e-4);
  EXPECT_NEAR(t_quantile(0.05, 1e6), 1.95997, 1e-4);
  EXPECT_NEAR(t_tail(3, 4), 0.0399420, 1e-7);
  EXPECT_NEAR(t_tail(0, 4), 1, 1e-12);
}

// The interval of one strategy's own mean: of new examples where no seed differs.
TEST(Inference, AMeanKnowsItsExamples) {
  Scores scores{3, 100, {}};
  for (int i = 0; i < 300; ++i) scores.values.push_back(i % 100 < 80 ? 1.0F : 0.0F);
  const Interval interval = mean_interval(scores);
  EXPECT_NEAR(interval.mean, 0.8, 1e-6);
  EXPECT_NEAR(interval.high - interval.mean, 1.98 * std::sqrt(0.8 * 0.2 / 99), 0.001);
}

TEST(Inference, TwoPointsAreFound) {
  World world;  // five seeds, 2,000 test examples, runs that differ by a quarter of a point
  world.examples = 2000;
  world.strategies = 2;
  world.run = 0.01;
  world.subset = 0.1;
  world.answer = 0.3;
  world.effect = 0.111;
  EXPECT_NEAR(true_difference(world), 0.02, 0.001);
  EXPECT_GE(tally(world, 50).found, 0.8);
}

TEST(Inference, ADifferenceAtTheMarginIsSeldomCalledNone) {
  World world;
  world.examples = 2000;
  world.strategies = 2;
  world.run = 0.01;
  world.answer = 0.3;
  world.effect = 0.111;
  EXPECT_LE(tally(world, 100, true_difference(world)).equivalent, 0.05);
  world.effect = 0;
  EXPECT_GE(tally(world, 50, 0.02).equivalent, 0.8) << "the test has no power";
}

TEST(Inference, TheSameScoresAreNoDifference) {
  World world;
  world.strategies = 1;
  std::mt19937_64 random(1);
  Results results = simulate(world, random);
  results.strategies[0] = results.reference;
  const Conclusions conclusions = conclude(results.strategies, results.reference, {});
  EXPECT_EQ(conclusions.contrasts[0].simultaneous.mean, 0);
  EXPECT_EQ(conclusions.contrasts[0].verdict, Verdict::equivalent);
  EXPECT_NEAR(conclusions.rank_probability[0][0], 0.5, 0.05);
}

TEST(Inference, AFewExamplesProveNothing) {
  World world;
  world.strategies = 1;
  world.examples = 20;
  std::mt19937_64 random(1);
  Results results = simulate(world, random);
  results.strategies[0] = results.reference;
  EXPECT_EQ(conclude(results.strategies, results.reference, {}).contrasts[0].verdict, Verdict::undetected);
  const Scores right{1, 2, {1, 1}}, wrong{1, 2, {0, 0}};
  EXPECT_EQ(conclude({right}, wrong, {}).contrasts[0].verdict, Verdict::undetected);
}

TEST(Inference, LowerMayBeBetter) {
  World world;
  world.strategies = 1;
  world.effect = 1;
  std::mt19937_64 random(1);
  const Results results = simulate(world, random);
  InferenceOptions options;
  EXPECT_EQ(conclude(results.strategies, results.reference, options).contrasts[0].verdict, Verdict::better);
  EXPECT_GT(conclude(results.strategies, results.reference, options).rank_probability[0][0], 0.99);
  options.higher_is_better = false;
  EXPECT_EQ(conclude(results.strategies, results.reference, options).contrasts[0].verdict, Verdict::worse);
  EXPECT_LT(conclude(results.strategies, results.reference, options).rank_probability[0][0], 0.01);
}

TEST(Inference, OneSeedSpeaksOfExamplesAlone) {
  World world;
  world.seeds = 1;
  world.run = world.subset = 0;
  world.effect = 0.2;
  const Tally result = tally(world, 400);
  EXPECT_GE(result.covered, 0.93);
  EXPECT_LE(result.covered, 0.97);
}

TEST(Inference, ScoresOfOtherExamplesAreRefused) {
  EXPECT_THROW(conclude({Scores{1, 2, {0, 1}}}, Scores{1, 3, {0, 1, 1}}, {}), std::exception);
}

}  // namespace
}  // namespace thaw::test
