// What is measured beside the test: how much of the features' neighbourhoods training left.
#include <gtest/gtest.h>

#include <memory>

#include "core/autograd.h"
#include "core/error.h"
#include "core/random.h"
#include "finetune/run/further_metrics.h"
#include "nn/models/registry.h"
#include "tests/support/datasets.h"

namespace thaw::test {
namespace {

std::unique_ptr<Model> model_of(std::uint64_t seed) {
  ModelConfig config;
  config.architecture = "mlp";
  config.hidden = {16};
  config.sample_shape = {4};
  config.outputs = 2;
  return make_model(config, {.seed = seed});
}

Dataset samples(std::int64_t count) {
  std::vector<float> values;
  const RandomKey key = random_key(1, "samples");
  for (std::int64_t i = 0; i < 4 * count; ++i)
    values.push_back(static_cast<float>(random_below(key, static_cast<std::uint64_t>(i), 1000)) / 500 - 1);
  return number_samples({4}, std::move(values));
}

TEST(NeighboursKept, AreAllOfThemInTheSameNetwork) {
  const auto model = model_of(0), same = model_of(0);
  EXPECT_EQ(neighbours_kept(*model, *same, samples(50), 5), 1);
}

TEST(NeighboursKept, DoNotHangOnTheLengthOfFeatures) {
  const auto model = model_of(0), longer = model_of(0);
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : longer->parameters())
    for (std::int64_t i = 0; i < parameter->tensor.numel(); ++i) parameter->tensor.data<float>()[i] *= 4;
  // relu(4 W x + 4 b) = 4 relu(W x + b)
  EXPECT_EQ(neighbours_kept(*model, *longer, samples(50), 5), 1);
}

TEST(NeighboursKept, AreFewerInAnotherNetworkAndAllWhereEveryOtherIsOne) {
  const auto model = model_of(0), other = model_of(1);
  const double kept = neighbours_kept(*model, *other, samples(200), 5);
  EXPECT_LT(kept, 0.8);
  EXPECT_GT(kept, 5.0 / 200) << "both see the same samples";
  EXPECT_EQ(neighbours_kept(*model, *other, samples(6), 5), 1);
}

TEST(NeighboursKept, NeedMoreSamplesThanNeighbours) {
  const auto model = model_of(0);
  EXPECT_THROW(neighbours_kept(*model, *model, samples(5), 5), InputError);
}

}  // namespace
}  // namespace thaw::test
