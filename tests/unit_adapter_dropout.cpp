// Dropout of an adapter's input: its share, its scale, and that each sample has its own.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

constexpr std::int64_t kSamples = 1000, kFeatures = 64;

struct FirstUpdate {
  std::vector<double> a, b;  // [r, features], [outputs, r]
};

// Samples that are all ones, and one label: without dropout each has the same gradient.
FirstUpdate first_update(const std::string& strategy, double dropout) {
  TestRun run("mlp",
              {strategy,
               {{"dropout", dropout}, {"r", 32.0}, {"target_modules", std::vector<std::string>{"layers.0"}}},
               {}});
  run.model_config.sample_shape = {kFeatures};
  run.data = {};
  run.data.train = number_samples({kFeatures}, std::vector<float>(kSamples * kFeatures, 1));
  run.data.train.targets = Targets::classes;
  run.data.train.classes = {"a", "b", "c"};
  run.config.train.optimizer = OptimizerKind::sgd;
  run.config.train.weight_decay = 0;
  run.config.train.lr = 0.1;
  run.config.train.batch_size = 0;
  run.config.train.steps = 1;
  EXPECT_EQ(run.train().status, RunStatus::ok);
  FirstUpdate update;
  for (const ParameterPtr& parameter : run.model->parameters()) {
    if (parameter->name == "layers.0.lora_A.weight") update.a = parameter->tensor.to_vector();
    if (parameter->name == "layers.0.lora_B.weight") update.b = parameter->tensor.to_vector();
  }
  return update;
}

double squares(const std::vector<double>& values) {
  return std::inner_product(values.begin(), values.end(), values.begin(), 0.0);
}

// B begins at 0, so that A x is all that its gradient has of the adapter: with dropout p the mean over n
// samples keeps its value and has the variance p / (1 - p) / n times A's squares, of which A's first update
// changes nothing.
TEST(AdapterDropout, HasItsShareAndItsScale) {
  const FirstUpdate without = first_update("lora", 0);
  ASSERT_EQ(without.a.size(), 32U * kFeatures);
  ASSERT_GT(squares(without.b), 0);
  double of_sums = 0;  // ||A 1||^2
  for (std::size_t row = 0; row < 32; ++row) {
    const auto begin = without.a.begin() + static_cast<std::ptrdiff_t>(row * kFeatures);
    of_sums += std::pow(std::accumulate(begin, begin + kFeatures, 0.0), 2);
  }
  for (const double p : {0.2, 0.5, 0.8}) {
    SCOPED_TRACE("dropout " + std::to_string(p));
    const FirstUpdate with = first_update("lora", p);
    EXPECT_EQ(with.a, without.a);
    std::vector<double> difference = with.b;
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= without.b[i];
    const double expected = p / (1 - p) / kSamples * squares(without.a) / of_sums;
    const double ratio = squares(difference) / squares(without.b) / expected;
    EXPECT_GT(ratio, 0.5);
    EXPECT_LT(ratio, 2.0);
  }
}

}  // namespace
}  // namespace thaw::test
