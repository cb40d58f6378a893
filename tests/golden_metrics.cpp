// Metrics against scikit-learn's, from golden/make_metrics.py: an absent class, a class that nothing has to
// do with, ties, one class alone, equal targets; and weighted logistic regression.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "finetune/compare/linear_probe.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/metrics.h"
#include "tests/golden/golden.h"
#include "tests/support/datasets.h"
#include "tests/support/tasks.h"

namespace thaw::test {
namespace {

template <class T>
std::vector<T> vector_of(const Tensor& tensor) {
  const std::vector<double> values = tensor.to_vector();
  return {values.begin(), values.end()};
}

struct Case {
  Outputs outputs;
  Dataset data;
};

Case load(const SafetensorsFile& file, const std::string& name) {
  const Tensor y = file.load(name + ".y");
  Case loaded;
  loaded.outputs = {y.size(1), vector_of<float>(y)};
  if (file.find(name + ".label") == nullptr) {
    loaded.data = target_samples(file.load(name + ".target").to_vector());
    return loaded;
  }
  loaded.data = labelled_samples(vector_of<std::int64_t>(file.load(name + ".label")));
  for (std::int64_t c = 0; c < y.size(1); ++c) loaded.data.classes.push_back(std::to_string(c));
  return loaded;
}

// Which scikit-learn does not have; unit_evaluate.cpp has them by hand.
const std::set<std::string> kNotScikitLearns = {"calibration_error"};

TEST(GoldenMetrics, EqualScikitLearns) {
  const SafetensorsFile file = open_golden("metrics.safetensors");
  int compared = 0;
  for (const char* name :
       {"classes", "absent", "unseen", "two", "ties", "single", "numbers", "constant", "exact"})
    for (const auto& [metric, value] : compute_metrics(load(file, name).outputs, load(file, name).data)) {
      if (kNotScikitLearns.count(metric) > 0) continue;
      const std::string expected = concat(name, ".of.", metric);
      if (metric == "auc" && file.find(expected) == nullptr) continue;  // undefined there
      ASSERT_NE(file.find(expected), nullptr) << expected << ": make_metrics.py has no value of this metric";
      EXPECT_NEAR(value, file.load(expected).item(), 1e-6) << expected;
      ++compared;
    }
  EXPECT_EQ(compared, 6 * 4 + 2 + 3 * 4);
}

TEST(GoldenMetrics, OneClassAloneHasNoAuc) {
  const Case single = load(open_golden("metrics.safetensors"), "single");
  EXPECT_TRUE(std::isnan(metric(compute_metrics(single.outputs, single.data), "auc")));
  EXPECT_TRUE(std::isnan(example_scores(single.outputs, single.data, "auc").at(0)));
  EXPECT_EQ(undefined_metrics(single.data), "auc is undefined: no sample has the class \"0\"");
}

TEST(GoldenMetrics, WeightedProbeEqualsLogisticRegression) {
  const SafetensorsFile file = open_golden("metrics.safetensors");
  Dataset data = labelled_samples(vector_of<std::int64_t>(file.load("probe.label")));
  data.classes = {"0", "1", "2"};
  const Tensor x = file.load("probe.x");
  const Outputs outputs = LinearModel::fit({x, &data, &classification(), {0.5, 1, 4}}, 0.5).predict(x);
  const std::vector<double> expected = file.load("probe.logits").to_vector();
  // Logits are known up to a number of each row's own.
  for (std::size_t i = 0; i < expected.size(); i += 3)
    for (const std::size_t c : {1U, 2U})
      EXPECT_NEAR(outputs.values[i + c] - outputs.values[i], expected[i + c] - expected[i], 2e-4) << i;
}

}  // namespace
}  // namespace thaw::test
