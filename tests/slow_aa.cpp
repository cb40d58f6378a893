// A strategy against itself on real data: runs of `full` on the digits that differ in their seed alone, told
// apart as if they were different strategies. What a comparison then calls different is called so wrongly.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

#include "finetune/preprocess/prepared_data.h"
#include "finetune/report/inference.h"
#include "finetune/run/run.h"
#include "tests/support/from_config.h"

namespace thaw::test {
namespace {

constexpr std::int64_t kDraws = 40, kRepeats = 4, kSeeds = 5;
constexpr int kComparisons = 400;

// The test scores of a run: training subset by `draw`, everything else by `seed`.
std::vector<float> scores_of_run(const Config& config, const PreparedData& loaded, std::uint64_t draw,
                                 std::uint64_t seed) {
  Config seeded = config;
  seeded.train.seed = seed;
  return train_on(draw_training_data(config, loaded, draw), seeded).test_scores;
}

TEST(AgainstItself, FullOnDigitsIsSeldomCalledDifferent) {
  const Config config = load_config(THAW_SOURCE_DIR "/finetune/cases/digits.toml");
  const PreparedData loaded = loaded_of(config, true, true);
  std::vector<std::vector<std::vector<float>>> scores(kDraws);  // [draw][repeat][example]
  for (std::uint64_t draw = 0; draw < kDraws; ++draw)
    for (std::uint64_t repeat = 0; repeat < kRepeats; ++repeat)
      scores[draw].push_back(scores_of_run(config, loaded, draw, draw * kRepeats + repeat));

  std::mt19937_64 random(1);
  int different = 0;
  for (int n = 0; n < kComparisons; ++n) {
    std::vector<std::size_t> draws(kDraws);
    std::iota(draws.begin(), draws.end(), std::size_t{0});
    std::shuffle(draws.begin(), draws.end(), random);
    std::vector<Scores> strategies(kRepeats, Scores{kSeeds, loaded.test->size(), {}});
    for (std::size_t seed = 0; seed < kSeeds; ++seed) {
      auto& repeats = scores[draws[seed]];
      std::shuffle(repeats.begin(), repeats.end(), random);
      for (std::size_t s = 0; s < kRepeats; ++s)
        strategies[s].values.insert(strategies[s].values.end(), repeats[s].begin(), repeats[s].end());
    }
    const Scores reference = strategies.back();
    strategies.pop_back();
    InferenceOptions options;
    options.seed = static_cast<std::uint64_t>(n);
    bool any = false;
    for (const Contrast& contrast : conclude(strategies, reference, options).contrasts)
      any |= contrast.verdict == Verdict::better || contrast.verdict == Verdict::worse;
    different += any;
  }
  const double share = static_cast<double>(different) / kComparisons;
  std::printf(
      "digits, %lld runs of full, %d comparisons of 3 with a fourth, 5 seeds: %.4f called different\n",
      static_cast<long long>(kDraws * kRepeats), kComparisons, share);
  EXPECT_LE(share, 0.05);
}

}  // namespace
}  // namespace thaw::test
