// Metrics of outputs that can be counted by hand.
#include "finetune/task/evaluate.h"
#include "tests/support/datasets.h"
#include "tests/support/tasks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace thaw::test {
namespace {

double mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Four samples of three classes; the third class neither occurs nor is guessed.
Dataset labelled() {
  Dataset data = labelled_samples({0, 0, 1, 1});
  data.classes = {"a", "b", "c"};
  return data;
}

// Logits that give the answer the probability 0.8 and each of the others 0.1.
Outputs answers(const std::vector<int>& classes) {
  Outputs outputs;
  outputs.columns = 3;
  for (const int answer : classes)
    for (int c = 0; c < 3; ++c)
      outputs.values.push_back(static_cast<float>(std::log(c == answer ? 0.8 : 0.1)));
  return outputs;
}

TEST(Metrics, OfClasses) {
  const Metrics metrics = compute_metrics(answers({0, 1, 1, 1}), labelled());
  EXPECT_NEAR(metric(metrics, "accuracy"), 0.75, 1e-12);
  // F1 of a: 2 / (1 + 2), of b: 4 / (3 + 2); c says nothing.
  EXPECT_NEAR(metric(metrics, "macro_f1"), (2.0 / 3 + 4.0 / 5) / 2, 1e-12);
  EXPECT_NEAR(metric(metrics, "loss"), -(3 * std::log(0.8) + std::log(0.1)) / 4, 1e-6);
  EXPECT_NEAR(metric(metrics, "calibration_error"), 0.8 - 0.75, 1e-6);
}

TEST(Metrics, CalibrationDoesNotCancelBetweenBins) {
  Outputs outputs = answers({0, 0, 1, 1});  // all right, at 0.8 ..
  for (const std::size_t wrong : {3U, 4U, 5U})
    outputs.values[wrong] = wrong == 4 ? 5.0F : -5.0F;  // .. but one sure and wrong
  const double sure = 1 / (1 + 2 * std::exp(-10.0));
  EXPECT_NEAR(metric(compute_metrics(outputs, labelled()), "calibration_error"), (3 * 0.2 + sure) / 4, 1e-6);
}

TEST(Metrics, OfNumbers) {
  const Dataset data = target_samples({1, 2, 6});
  Outputs outputs{1, {2, 2, 4}};
  const Metrics metrics = compute_metrics(outputs, data);
  EXPECT_NEAR(metric(metrics, "rmse"), std::sqrt(5.0 / 3), 1e-12);
  EXPECT_NEAR(metric(metrics, "mae"), 1, 1e-12);
  EXPECT_NEAR(metric(metrics, "r2"), 1 - 5.0 / 14, 1e-12);
  EXPECT_NEAR(mean(example_scores(outputs, data, "rmse")), std::sqrt(5.0 / 3), 1e-6);
}

TEST(Metrics, OfOutputsThatAreNotFiniteAreNaN) {
  const Dataset numbers = target_samples({1, 2});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Outputs classes = answers({0, 1, 1, 1});
    EXPECT_FALSE(first_row_not_finite(classes));
    classes.values[7] = bad;
    EXPECT_EQ(first_row_not_finite(classes), 2);
    for (const auto& [name, value] : compute_metrics(classes, labelled()))
      EXPECT_TRUE(std::isnan(value)) << name;
    for (const auto& [name, value] : compute_metrics(Outputs{1, {1, bad}}, numbers))
      EXPECT_TRUE(std::isnan(value)) << name;
    EXPECT_TRUE(std::isnan(example_scores(classes, labelled(), "accuracy")[0]));
    EXPECT_TRUE(std::isnan(example_scores(Outputs{1, {1, bad}}, numbers, "r2")[0]));
  }
}

TEST(Metrics, ScoresOfExamplesAreTheirAccuracy) {
  const std::vector<float> scores = example_scores(answers({0, 1, 1, 1}), labelled(), "accuracy");
  EXPECT_EQ(scores, (std::vector<float>{1, 0, 1, 1}));
}

TEST(Metrics, UnknownNamesAreListed) {
  EXPECT_THROW(metric(compute_metrics(answers({0, 1, 1, 1}), labelled()), "accurcy"), std::exception);
}

}  // namespace
}  // namespace thaw::test
