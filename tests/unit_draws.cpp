// Random draws that must not repeat: keys of updates and micro-batches, shuffles, and the parts that data are
// split into.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random.h"
#include "nn/layers/attention.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/from_config.h"

namespace thaw::test {
namespace {

TEST(RandomKeys, DifferInEachOfTheirParts) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> keys;
  for (const std::uint64_t seed : {1, 2})
    for (const char* path : {"a", "b"})
      for (const std::int64_t step : {0, 1})
        for (const std::int64_t micro_batch : {0, 1}) {
          const RandomKey key = random_key(seed, path, step, micro_batch);
          EXPECT_TRUE(keys.emplace(key.seed, key.stream).second);
        }
}

// Dropout of one layer on the same sample: again in each update and each micro-batch, the same in the same
// one.
TEST(RandomKeys, OfDropoutAreTheUpdatesAndTheMicroBatchs) {
  Dropout layer(0.5);
  layer.train();
  const auto mask = [&](std::int64_t step, std::int64_t micro_batch) {
    const RandomScope scope({1, step, micro_batch, {}});
    return layer.forward(ones({1, 64})).to_vector();
  };
  EXPECT_EQ(mask(3, 0), mask(3, 0));
  EXPECT_NE(mask(3, 0), mask(4, 0));
  EXPECT_NE(mask(3, 0), mask(3, 1));
}

// Two samples in the other order: the masks of attention go with them.
TEST(RandomKeys, OfAttentionAreTheSamplesWhereverTheyStand) {
  MultiHeadAttention layer(8, 2, {.seed = 1, .path = "attention"}, 0.5);
  layer.train();
  const Tensor x = randn({2, 4, 8}, {1, 2});
  const auto output = [&](const Tensor& samples, std::vector<double> ids) {
    const NoGrad no_grad;
    const RandomScope scope({1, 0, 0, from_vector(ids, {2}, {DType::i64})});
    return layer.forward(samples, samples, samples);
  };
  const Tensor there = output(x, {7, 3});
  const Tensor turned = output(concatenate({slice(x, 0, 1, 2), slice(x, 0, 0, 1)}, 0), {3, 7});
  EXPECT_EQ(select(there, 0, 0).to_vector(), select(turned, 0, 1).to_vector());
  EXPECT_EQ(select(there, 0, 1).to_vector(), select(turned, 0, 0).to_vector());
}

// Of a DoRA layer whose weight is the identity and whose magnitudes are doubled, the adapter adds its dropped
// input.
TEST(RandomKeys, DoraDropsTheInputOfItsBaseToo) {
  constexpr std::int64_t kSize = 16;
  Linear layer(kSize, kSize, {.seed = 1, .path = "layer"}, false);
  {
    const NoGrad no_grad;
    std::vector<double> identity(kSize * kSize);
    for (std::int64_t i = 0; i < kSize; ++i) identity[static_cast<std::size_t>(i * kSize + i)] = 1;
    kernels::copy(layer.weight()->tensor, from_vector(identity, {kSize, kSize}));
    layer.attach(LoraOptions{.r = 2, .dropout = 0.5, .dora = true}, 1);
    kernels::fill(layer.lora()->magnitude()->tensor, 2);
  }
  layer.train();
  const RandomScope scope({1, 0, 0, {}});
  const Tensor x = rand({3, kSize}, {1, 2}, 1, 2);
  const std::vector<double> added = (layer.forward(x) - x).to_vector(), input = x.to_vector();
  int dropped = 0;
  for (std::size_t i = 0; i < added.size(); ++i) {
    dropped += std::abs(added[i]) < 1e-6 ? 1 : 0;
    EXPECT_TRUE(std::abs(added[i]) < 1e-6 || std::abs(added[i] - 2 * input[i]) < 1e-5) << added[i];
  }
  EXPECT_GT(dropped, 10) << "of 48";
}

TEST(Shuffle, GivesEveryOrderAlikeOften) {
  std::map<std::vector<std::int64_t>, int> seen;
  for (std::uint64_t k = 0; k < 6000; ++k) ++seen[random_permutation({k, 7}, 3)];
  ASSERT_EQ(seen.size(), 6U) << "those that leave an entry in its place too";
  for (const auto& [order, count] : seen) EXPECT_NEAR(count, 1000, 150);
}

// Without a test part, validation must not be what the test part would have been.
TEST(Parts, HaveSeedsOfTheirOwn) {
  const TemporaryFolder folder;
  Config config;
  config.data.train = folder.write("t.csv", clusters_csv(300, 1));
  config.data.validation_fraction = 0.2;
  const PreparedData alone = loaded_of(config, false, true);
  config.data.test_fraction = 0.2;
  const PreparedData both = loaded_of(config, true, true);
  std::set<std::int64_t> test;
  for (const Sample& sample : both.test->samples) test.insert(sample.id);
  ASSERT_EQ(test.size(), 60U);
  std::int64_t shared = 0;
  for (const Sample& sample : alone.validation->samples) shared += test.count(sample.id) > 0 ? 1 : 0;
  EXPECT_LT(shared, 30) << "of 60; by chance it would be 12";
}

}  // namespace
}  // namespace thaw::test
