// The list of metrics: what it says of each, and that the spread of an example's scores is that of the
// metric.
#include "finetune/task/evaluate.h"
#include "finetune/task/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "core/error.h"
#include "finetune/common/statistics.h"
#include "finetune/run/further_metrics.h"
#include "tests/support/datasets.h"
#include "tests/support/tasks.h"

namespace thaw::test {
namespace {

// `classes` > 0: unequally frequent ones, of which the logits know something; else targets of a line.
struct Draw {
  Outputs outputs;
  Dataset data;
};

Draw draw(int classes, std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Draw sample;
  sample.outputs.columns = std::max(classes, 1);
  sample.data.targets = classes > 0 ? Targets::classes : Targets::numbers;
  for (int c = 0; c < classes; ++c) sample.data.classes.push_back(std::to_string(c));
  for (std::size_t i = 0; i < size; ++i) {
    Sample& drawn = sample.data.samples.emplace_back();
    if (classes == 0) {
      const double x = normal(random);
      drawn.target = 2 * x + normal(random);
      sample.outputs.values.push_back(static_cast<float>(1.5 * x + 0.3));
      continue;
    }
    const std::int64_t label =
        std::min<std::int64_t>(std::geometric_distribution<int>(0.6)(random), classes - 1);
    drawn.label = label;
    // Rounded, so that there are ties, and far too sure: where a bin is all but calibrated, the error has a
    // kink.
    for (int c = 0; c < classes; ++c)
      sample.outputs.values.push_back(
          static_cast<float>(std::round(4 * (8 * normal(random) + (c == label ? 8 : 0))) / 4));
  }
  return sample;
}

Draw resampled(const Draw& from, std::mt19937_64& random) {
  Draw to;
  to.outputs.columns = from.outputs.columns;
  to.data.targets = from.data.targets;
  to.data.classes = from.data.classes;
  std::uniform_int_distribution<std::size_t> pick(0, from.data.samples.size() - 1);
  for (std::size_t i = 0; i < from.data.samples.size(); ++i) {
    const std::size_t row = pick(random);
    to.data.samples.push_back(from.data.samples[row]);
    const float* outputs = from.outputs.row(static_cast<std::int64_t>(row));
    to.outputs.values.insert(to.outputs.values.end(), outputs, outputs + from.outputs.columns);
  }
  return to;
}

double variance(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += std::pow(value - mean(values), 2);
  return squares / static_cast<double>(values.size() - 1);
}

// Of the metric over bootstrap samples, over that of the scores' mean.
double variance_ratio(const MetricSpec& spec, const Draw& sample) {
  std::mt19937_64 random(7);
  std::vector<double> values;
  for (int i = 0; i < 2000; ++i) {
    const Draw other = resampled(sample, random);
    values.push_back(spec.compute(other.outputs, other.data).value);
  }
  const Scored scored = spec.compute(sample.outputs, sample.data);
  EXPECT_NEAR(mean(scored.scores), scored.value, 1e-9) << spec.name;
  return variance(values) / (variance(scored.scores) / static_cast<double>(scored.scores.size()));
}

TEST(MetricList, SpreadOfScoresIsThatOfTheBootstrap) {
  for (const Task* task : {&classification(), &regression()})  // unit_transcription.cpp has transcription
    for (const MetricSpec& spec : task->metrics()) {
      const int classes = !task->has_classes() ? 0 : spec.needs == Requires::two_classes ? 2 : 4;
      EXPECT_NEAR(variance_ratio(spec, draw(classes, 800, 3)), 1, 0.12) << spec.name;
    }
}

TEST(MetricList, NamesAreUniqueInATask) {
  for (const Task* task : tasks()) {
    std::set<std::string> names;
    for (const MetricSpec& spec : task->metrics()) EXPECT_TRUE(names.insert(spec.name).second);
  }
  EXPECT_EQ(
      regression().metric_names("validation_"),
      (std::vector<std::string>{"validation_loss", "validation_rmse", "validation_mae", "validation_r2"}));
}

TEST(MetricList, KnowsWhichWayIsBetter) {
  for (const char* name : {"accuracy", "macro_f1", "balanced_accuracy", "auc", "r2", "validation_auc"})
    EXPECT_TRUE(higher_is_better(name)) << name;
  for (const char* name : {"loss", "rmse", "mae", "calibration_error", "validation_loss"})
    EXPECT_FALSE(higher_is_better(name)) << name;
}

TEST(MetricList, MarginsAreSharesOfErrorsAlone) {
  for (const char* name : {"loss", "rmse", "mae"}) EXPECT_EQ(absolute_margin(name, 0.01, 5), 0.05) << name;
  for (const char* name : {"accuracy", "macro_f1", "balanced_accuracy", "auc", "calibration_error", "r2"})
    EXPECT_EQ(absolute_margin(name, 0.01, 5), 0.01) << name;
}

TEST(MetricList, UnknownNamesAreRefusedWithTheNearest) {
  try {
    classification().metric("balanced_acuracy");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"balanced_accuracy\"?"), std::string::npos);
  }
  EXPECT_THROW(classification().metric("rmse"), InputError);
  EXPECT_STREQ(classification().metric("log_loss").name, "loss");
  EXPECT_THROW(regression().metric("log_loss"), InputError);
}

TEST(MetricList, AucIsForTwoClasses) {
  const Draw three = draw(3, 20, 1);
  for (const auto& [name, value] : compute_metrics(three.outputs, three.data)) EXPECT_NE(name, "auc");
  EXPECT_THROW(example_scores(three.outputs, three.data, "auc"), InputError);
  EXPECT_THROW(check_defined(classification().metric("auc"), "compare.metric", three.data, "the test data"),
               InputError);
}

// "balanced_accuracy" ends as "training_accuracy" does.
TEST(MetricList, AMetricIsNoFurtherMetric) {
  EXPECT_TRUE(is_further_metric("training_accuracy", "accuracy"));
  EXPECT_FALSE(is_further_metric("balanced_accuracy", "accuracy"));
}

// By hand: of the pairs (0.1, 0.4) (0.4, 0.4) (0.1, 0.8) (0.4, 0.8) three and a half are in order.
TEST(RocAuc, CountsPairs) {
  Dataset data = labelled_samples({0, 1, 0, 1});
  data.classes = {"ham", "spam"};
  const Outputs outputs{2, {0, 0.1F, 0, 0.4F, 0, 0.4F, 0, 0.8F}};
  EXPECT_EQ(metric(compute_metrics(outputs, data), "auc"), 3.5 / 4);
  const std::vector<float> scores = example_scores(outputs, data, "auc");
  // Placements 1, 0.75, 0.75, 1 less 0.875, twice, as either class is half of the samples.
  EXPECT_EQ(scores, (std::vector<float>{1.125F, 0.625F, 0.625F, 1.125F}));
}

}  // namespace
}  // namespace thaw::test
