// Intervals of a strategy's own mean: within what can be, and right as often as they say, on simulated
// results of which the truth is known. What is checked is printed too. And who is best where results are
// equal.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "finetune/report/inference.h"
#include "finetune/task/metric_bounds.h"

namespace thaw::test {
namespace {

constexpr Bounds kShare{0, 1};

double phi(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

double phi_inverse(double p) {
  double low = -10, high = 10;
  for (int i = 0; i < 60; ++i) (phi((low + high) / 2) < p ? low : high) = (low + high) / 2;
  return low;
}

// Right or wrong answers of runs that differ by `run`, on examples that differ much in difficulty; `accuracy`
// is the true mean over new runs and examples. Deviations are on the scale of a normal threshold.
struct World {
  double accuracy = 0.9, run = 0.3;
  std::int64_t seeds = 2, examples = 300;

  Scores draw(std::mt19937_64& random) const {
    constexpr double kDifficulty = 1.6, kAnswer = 0.5;
    std::normal_distribution<double> normal;
    const double level = phi_inverse(accuracy) * std::sqrt(kDifficulty * kDifficulty + kAnswer * kAnswer +
                                                           (seeds > 1 ? run * run : 0));
    std::vector<double> difficulty;
    for (std::int64_t i = 0; i < examples; ++i) difficulty.push_back(kDifficulty * normal(random));
    Scores scores{seeds, examples, {}};
    for (std::int64_t r = 0; r < seeds; ++r) {
      const double own = level + (seeds > 1 ? run * normal(random) : 0);
      for (const double threshold : difficulty)
        scores.values.push_back(own + kAnswer * normal(random) > threshold ? 1.0F : 0.0F);
    }
    return scores;
  }
};

struct Tally {
  double covered = 0, width = 0;
};

Tally tally(const World& world, int draws) {
  std::mt19937_64 random(11);
  Tally sum;
  for (int n = 0; n < draws; ++n) {
    const Interval i = mean_interval(world.draw(random), 1, kShare);
    EXPECT_TRUE(0 <= i.low && i.low <= i.mean && i.mean <= i.high && i.high <= 1)
        << i.low << ' ' << i.mean << ' ' << i.high;
    sum.covered += (i.low <= world.accuracy && world.accuracy <= i.high) / static_cast<double>(draws);
    sum.width += (i.high - i.low) / draws;
  }
  std::printf("accuracy %.2f, %lld seeds that differ by %.2f, %lld examples: covered %.3f, mean width %.3f\n",
              world.accuracy, static_cast<long long>(world.seeds), world.run,
              static_cast<long long>(world.examples), sum.covered, sum.width);
  return sum;
}

// Of 1,000 intervals at 95 % the binomial deviation is 0.7 points.
TEST(MeanInterval, HoldsTheTruthAsOftenAsItSays) {
  for (const double accuracy : {0.5, 0.9, 0.99})
    for (const double run : {0.05, 0.3})
      for (const std::int64_t seeds : {1, 2, 3, 5, 10}) {
        if (run < 0.1 && seeds > 3) continue;  // as of one that differs more
        const Tally result = tally({accuracy, run, seeds, 200}, 1000);
        EXPECT_GE(result.covered, 0.93) << accuracy << ", " << seeds << " seeds, " << run;
        // Two or three seeds know little of their own spread: there the interval is a careful one.
        EXPECT_LE(result.covered, seeds == 1 || seeds > 3 ? 0.99 : 1) << accuracy << ", " << seeds;
      }
}

TEST(MeanInterval, IsNoWiderThanItMust) {
  EXPECT_LT(tally({0.99, 0.05, 2, 300}, 300).width, 0.06);
  EXPECT_LT(tally({0.99, 0.05, 5, 300}, 300).width, 0.03);
  // Of 50 right answers each alike with two seeds: Wilson's interval of 50.
  const Interval all_right = mean_interval({2, 50, std::vector<float>(100, 1)}, 1, kShare);
  EXPECT_EQ(all_right.high, 1);
  EXPECT_NEAR(all_right.low, 50 / (50 + std::pow(t_quantile(0.05, 49), 2)), 1e-6);
}

// Wilson's formula, with Student's t of 49 degrees and a variance over n - 1.
TEST(MeanInterval, OfOneSeedIsWilsons) {
  std::vector<float> answers(50, 1);
  std::fill_n(answers.begin(), 5, 0.0F);
  const Interval interval = mean_interval({1, 50, answers}, 1, kShare);
  const double z = t_quantile(0.05, 49), n = 49;
  const double middle = (0.9 + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z * std::sqrt(0.09 / n + z * z / (4 * n * n)) / (1 + z * z / n);
  EXPECT_NEAR(interval.low, middle - half, 1e-9);
  EXPECT_NEAR(interval.high, middle + half, 1e-9);
}

TEST(MeanInterval, StaysWithinTheBoundsAtTheirEnds) {
  for (const std::int64_t seeds : {1, 2, 5})
    for (const std::int64_t examples : {1, 2, 50})
      for (const float answer : {0.0F, 1.0F}) {
        const auto cells = static_cast<std::size_t>(seeds * examples);
        const Interval i = mean_interval({seeds, examples, std::vector<float>(cells, answer)}, 1, kShare);
        EXPECT_EQ(answer == 1.0F ? i.high : i.low, answer);
        EXPECT_GT(i.high - i.low, 0) << "one more example could have differed";
        EXPECT_GE(i.low, 0);
        EXPECT_LE(i.high, 1);
      }
  // 0.76 with two seeds that differ by 0.2 was 0.76 +- 1.37.
  Scores apart{2, 50, {}};
  for (int i = 0; i < 100; ++i) apart.values.push_back(i % 50 < (i < 50 ? 43 : 33) ? 1.0F : 0.0F);
  const Interval interval = mean_interval(apart, 1, kShare);
  EXPECT_NEAR(interval.mean, 0.76, 1e-6);
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 1);
}

TEST(MeanInterval, AnErrorIsNeverNegative) {
  const Scores errors{2, 3, {0.1F, 0.2F, 0.3F, 2, 2.1F, 2.4F}};
  EXPECT_LT(mean_interval(errors).low, 0);
  const Interval bounded = mean_interval(errors, 0, metric_bounds("rmse"));
  EXPECT_EQ(bounded.low, 0);
  EXPECT_EQ(bounded.high, mean_interval(errors).high);
}

TEST(MetricBounds, GoByTheName) {
  for (const char* name : {"accuracy", "training_accuracy", "macro_f1", "calibration_error", "auc"}) {
    EXPECT_EQ(metric_bounds(name).low, 0) << name;
    EXPECT_EQ(metric_bounds(name).high, 1) << name;
    EXPECT_EQ(difference_bounds(name).low, -1) << name;
    EXPECT_EQ(difference_bounds(name).high, 1) << name;
  }
  EXPECT_EQ(metric_bounds("rmse").low, 0);
  EXPECT_TRUE(std::isinf(metric_bounds("rmse").high));
  EXPECT_EQ(metric_bounds("r2").high, 1);
  EXPECT_TRUE(std::isinf(difference_bounds("rmse").low));
  const Interval cut = t_interval({0.2, 0.9}, metric_bounds("macro_f1"));
  EXPECT_EQ(cut.low, 0);
  EXPECT_EQ(cut.high, 1);
}

TEST(Differences, EndWhereADifferenceDoes) {
  Scores low{2, 20, {}}, high = low;
  for (int i = 0; i < 40; ++i) {
    low.values.push_back(i < 20 ? 1.0F : 0.0F);
    high.values.push_back(1);
  }
  InferenceOptions options;
  options.range = 1;
  const Contrast free = conclude({low}, high, options).contrasts[0];
  EXPECT_LT(free.simultaneous.low, -1);
  options.difference = difference_bounds("accuracy");
  const Contrast cut = conclude({low}, high, options).contrasts[0];
  EXPECT_EQ(cut.simultaneous.low, -1);
  EXPECT_EQ(cut.simultaneous.high, 1);
  EXPECT_GE(cut.pointwise.low, -1);
  EXPECT_EQ(cut.verdict, free.verdict);
}

// -- who is best where results are equal

std::vector<double> best_of(const std::vector<Scores>& strategies, const Scores& full) {
  InferenceOptions options;
  options.range = 1;
  std::vector<double> best;
  for (const auto& ranks : conclude(strategies, full, options).rank_probability) best.push_back(ranks[0]);
  return best;
}

TEST(Ranks, ExactTiesShareTheDraw) {
  std::mt19937_64 random(3);
  for (const std::int64_t seeds : {1, 2, 5})
    for (const std::size_t others : {1U, 2U, 5U}) {
      const Scores full = World{0.9, 0.3, seeds, 40}.draw(random);
      for (const double share : best_of(std::vector<Scores>(others, full), full))
        EXPECT_NEAR(share, 1.0 / static_cast<double>(others + 1), 1e-9) << seeds << " seeds";
    }
  const Scores right{1, 1, {1}};
  for (const double share : best_of({right, right, right}, right)) EXPECT_NEAR(share, 0.25, 1e-9);
}

TEST(Ranks, TwinsShareWhatTheyWin) {
  std::mt19937_64 random(4);
  const Scores full = World{0.5, 0.05, 3, 200}.draw(random), good = World{0.99, 0.05, 3, 200}.draw(random);
  const std::vector<double> best = best_of({good, good}, full);
  EXPECT_EQ(best[0], best[1]);
  EXPECT_NEAR(best[0], 0.5, 0.001);
}

// As many right answers of each, but to other questions: nobody is ahead, full neither.
TEST(Ranks, EqualMeansAreEqualChances) {
  std::vector<Scores> all(4, Scores{2, 40, std::vector<float>(80, 1)});
  for (std::size_t s = 0; s < all.size(); ++s)
    for (std::size_t r = 0; r < 2; ++r) all[s].values[40 * r + s] = 0;
  const Scores full = all.back();
  all.pop_back();
  for (const double share : best_of(all, full)) EXPECT_NEAR(share, 0.25, 0.06);
}

}  // namespace
}  // namespace thaw::test
