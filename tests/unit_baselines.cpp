// The baselines of a comparison: linear probes beside scikit-learn, the majority class, batch norm's
// statistics.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/compare/baselines.h"
#include "finetune/compare/linear_probe.h"
#include "finetune/compare/row.h"
#include "finetune/data/readers/readers.h"
#include "finetune/model/model_folder.h"
#include "finetune/task/evaluate.h"
#include "nn/io/safetensors.h"
#include "nn/optim/lbfgs.h"
#include "tests/support/datasets.h"
#include "tests/support/files.h"
#include "tests/support/from_config.h"
#include "tests/support/tasks.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

TEST(Lbfgs, FindsTheMinimumOfRosenbrocksValley) {
  const auto valley = [](const std::vector<double>& x, std::vector<double>& gradient) {
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    gradient = {-2 * a - 400 * x[0] * b, 200 * b};
    return a * a + 100 * b * b;
  };
  const LbfgsResult result = minimise(valley, {-1.2, 1});
  EXPECT_TRUE(result.converged);
  EXPECT_NEAR(result.x[0], 1, 1e-6);
  EXPECT_NEAR(result.x[1], 1, 1e-6);
}

// Where the slope hardly changes a step by the curvature goes far beyond: it must be cut until the value
// falls.
TEST(Lbfgs, NoStepRises) {
  const auto valley = [](const std::vector<double>& x, std::vector<double>& gradient) {
    const double value = std::sqrt(1 + x[0] * x[0]);
    gradient = {x[0] / value};
    return value;
  };
  double before = std::sqrt(101.0);
  for (std::int64_t n = 1; n < 12; ++n) {
    const LbfgsResult result = minimise(valley, {10}, {.most_iterations = n});
    EXPECT_LE(result.value, before) << n << " iterations";
    before = result.value;
  }
  EXPECT_TRUE(minimise(valley, {10}).converged);
}

TEST(Lbfgs, StopsAfterSoManyIterations) {
  const auto slope = [](const std::vector<double>& x, std::vector<double>& gradient) {
    gradient = {1};
    return x[0];
  };
  const LbfgsResult result = minimise(slope, {0}, {.most_iterations = 7});
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.iterations, 7);
}

struct Digits {
  Dataset train, test;
  Tensor x_train, x_test;
};

// The first 900 digits and the other 897, standardised by the first.
Digits digits(bool regression = false) {
  DataSource source;
  source.path = "builtin:digits";
  const Dataset all = read_dataset(source);
  std::vector<std::int64_t> first, second;
  for (std::int64_t i = 0; i < all.size(); ++i) (i < 900 ? first : second).push_back(i);
  Digits d{all.subset(first), all.subset(second), {}, {}};
  for (Dataset* part : {&d.train, &d.test})
    if (regression) make_targets_of_labels(*part);
  const auto rows = [](const Dataset& data) {
    return cast(numbers_of(data).rows(0, data.size()), DType::f64);
  };
  d.x_train = standardised(rows(d.train), rows(d.train));
  d.x_test = standardised(rows(d.test), rows(d.train));
  return d;
}

// scikit-learn 1.9.1, LogisticRegression(C, tol=1e-9) and Ridge(alpha=1/C) on the same standardised digits:
// see tests/golden/make_probe.py.
TEST(LinearProbe, LogisticRegressionIsScikitLearns) {
  struct Golden {
    double c, accuracy, loss;
  };
  const Digits d = digits();
  for (const auto& [c, accuracy, loss] : {Golden{1e-3, 0.8573021181716833, 1.3744113932304798},
                                          Golden{1e-1, 0.935340022296544, 0.28103366013757713},
                                          Golden{1, 0.939799331103679, 0.24833223017576003},
                                          Golden{1e2, 0.9386845039018952, 0.4035081444383174}}) {
    const LinearModel model = LinearModel::fit({d.x_train, &d.train, &task_of(d.train)}, c);
    const Metrics metrics = compute_metrics(model.predict(d.x_test), d.test);
    EXPECT_NEAR(metric(metrics, "accuracy"), accuracy, 0.002) << "C = " << c;
    EXPECT_NEAR(metric(metrics, "loss"), loss, 2e-4 * loss) << "C = " << c;
  }
}

TEST(LinearProbe, RidgeRegressionIsScikitLearns) {
  const Digits d = digits(true);
  for (const auto& [c, rmse] : {std::pair{1e3, 2.0519097259343746}, std::pair{1.0, 2.050064678177757},
                                std::pair{1e-2, 2.0016617790950786}}) {
    const LinearModel model = LinearModel::fit({d.x_train, &d.train, &task_of(d.train)}, c);
    EXPECT_NEAR(metric(compute_metrics(model.predict(d.x_test), d.test), "rmse"), rmse, 1e-4) << "C = " << c;
  }
}

TEST(LinearProbe, StrengthIsChosenOnValidationData) {
  const Digits d = digits();
  const Probe probe =
      fit_probe({d.x_train, &d.train, &task_of(d.train)}, {d.x_test, &d.test, &task_of(d.test)}, "accuracy");
  for (const double c : {1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3}) {
    const LinearModel other = LinearModel::fit({d.x_train, &d.train, &task_of(d.train)}, c);
    EXPECT_GE(metric(probe.validation, "accuracy"),
              metric(compute_metrics(other.predict(d.x_test), d.test), "accuracy") - 1e-12)
        << "C = " << c;
  }
}

TEST(LinearProbe, AConstantColumnSaysNothing) {
  const Tensor x = from_vector({1, 5, 3, 5, 5, 5}, {3, 2}, {DType::f64});
  const Tensor z = standardised(x, x).contiguous();
  const double* values = std::as_const(z).data<double>();
  EXPECT_NEAR(values[0], -std::sqrt(1.5), 1e-12);
  EXPECT_EQ(values[1], 0);
  EXPECT_EQ(values[5], 0);
}

// A comparison's data with three classes of unequal size.
struct BaselineFixture : ::testing::Test {
  BaselineFixture() : run("cnn", {"full", {}, {}}) {
    run.config.model.from = "cnn";
    run.config.model.width = run.model_config.width;
    run.config.model.depth = run.model_config.depth;
    run.data.test = run.data.validation;
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < run.data.train.size(); ++i)
      if (run.data.train[i].label == 1 || i < 9) rows.push_back(i);
    run.data.train = run.data.train.subset(rows);
  }
  ReportedRun baseline(const std::string& name) const {
    ReportedRun row;
    row.metric = "accuracy";
    row.strategy = name;
    return run_baseline(row, {run.config, open_source(run.config.model), run.data});
  }
  std::vector<std::string> names() const {
    return baseline_names({run.config, open_source(run.config.model), run.data});
  }
  TestRun run;
};

TEST_F(BaselineFixture, MajorityIsTheMostFrequentTrainingClass) {
  const ReportedRun row = baseline("majority");
  EXPECT_DOUBLE_EQ(row.value, 1.0 / 3);
  const auto& counts = run.data.train.class_counts();
  const double n = static_cast<double>(run.data.train.size());
  double loss = 0;
  for (const std::int64_t count : counts) loss -= std::log(static_cast<double>(count) / n) / 3;
  EXPECT_NEAR(row.loss, loss, 1e-6);
  EXPECT_EQ(row.test_evaluations, 1);
}

TEST(SettleRow, AnswersThatAreNotFiniteAreNoResult) {
  ReportedRun row;
  settle(row);
  EXPECT_EQ(row.status, RunStatus::ok) << "not evaluated";
  row.test = {{"loss", 0.5}};
  row.loss = 0.5;
  settle(row);
  EXPECT_EQ(row.status, RunStatus::ok);
  row.loss = std::numeric_limits<double>::quiet_NaN();
  settle(row);
  EXPECT_EQ(row.status, RunStatus::diverged);
}

TEST_F(BaselineFixture, WithoutPretrainingTheProbeSeesTheRawInputs) {
  EXPECT_EQ(names(), (std::vector<std::string>{"majority", "probe"}));
  const ReportedRun row = baseline("probe");
  EXPECT_EQ(row.trainable, 3 * (numbers_of(run.data.train).sample_size + 1));
  EXPECT_GT(row.value, 0.5);
  EXPECT_GT(row.flops, 0);
  EXPECT_GT(row.peak_bytes, 0);
}

// The same with weights to start from: two updates away from random ones, so that they are nobody's default.
struct PretrainedFixture : BaselineFixture {
  PretrainedFixture() {
    run.config.train.steps = 2;
    run.train();
    run.model->train(false);
    run.config.model.init = folder.path() + "/model.safetensors";
    save_safetensors(run.config.model.init, merged_weights(*run.model));
  }
  static Tensor in_f64(const Outputs& rows, std::int64_t samples) {
    return cast(from_data(rows.row(0), {samples, rows.columns}), DType::f64);
  }
  TemporaryFolder folder;
};

TEST_F(PretrainedFixture, TheProbeSeesTheNetworksFeatures) {
  const ReportedRun row = baseline("probe");
  const Tensor train = in_f64(features_all(*run.model, run.data.train), run.data.train.size());
  const Tensor valid = in_f64(features_all(*run.model, run.data.validation), run.data.validation->size());
  EXPECT_EQ(row.trainable, 3 * (train.size(1) + 1));
  ASSERT_NE(train.size(1), numbers_of(run.data.train).sample_size);
  const Tensor x = standardised(valid, train);
  const Probe probe = fit_probe({standardised(train, train), &run.data.train, run.data.task},
                                {x, &*run.data.validation, run.data.task}, "accuracy");
  EXPECT_NEAR(row.loss, metric(compute_metrics(probe.model.predict(x), run.data.test), "loss"), 1e-6);
}

TEST_F(PretrainedFixture, AsIsIsTheModelItself) {
  EXPECT_EQ(names(), (std::vector<std::string>{"majority", "as-is", "probe", "norm-stats"}));
  const ReportedRun row = baseline("as-is");
  const Metrics expected = evaluate(*run.model, run.data.test);
  EXPECT_DOUBLE_EQ(row.value, metric(expected, "accuracy"));
  EXPECT_DOUBLE_EQ(row.loss, metric(expected, "loss"));
  EXPECT_EQ(row.trainable, 0);
  EXPECT_EQ(row.flops, 0);
  EXPECT_EQ(row.test_evaluations, 1);
}

// A head for other labels is drawn anew: there is nothing to judge as it is.
TEST_F(PretrainedFixture, WithoutItsHeadThereIsNoAsIs) {
  NamedTensors weights = merged_weights(*run.model);
  std::erase_if(weights, [](const auto& tensor) { return tensor.first.starts_with("head"); });
  save_safetensors(run.config.model.init, weights);
  EXPECT_EQ(names(), (std::vector<std::string>{"majority", "probe", "norm-stats"}));
}

// Of one batch, batch norm's own statistics in training are those that are estimated, but for the n - 1 of a
// variance.
TEST_F(PretrainedFixture, NormStatsAreThoseOfTheTrainingInputs) {
  run.data.test = run.data.train;
  const ReportedRun row = baseline("norm-stats");
  EXPECT_EQ(row.trainable, 0) << "the head is not new";
  const NoGrad no_grad;
  const auto loss_of = [&](bool batch_statistics) {
    run.model->train(batch_statistics);
    const Batch batch = run.batch();
    return cross_entropy(run.model->forward(batch.x), batch.target).item();
  };
  const double still = loss_of(false), estimated = loss_of(true);
  ASSERT_GT(std::abs(still - estimated), 0.05) << "or the test could not tell them apart";
  EXPECT_NEAR(row.loss, estimated, 0.1 * std::abs(still - estimated));
}

// Two batches of 256 whose images differ: which one comes last does not matter.
TEST_F(PretrainedFixture, NormStatsAreTheMeanOfTheBatches) {
  Dataset dark = make_clusters(run.model_config.sample_shape, 256, 5), bright = dark;
  change_values(bright, [](std::vector<float>& values) {
    for (float& x : values) x = 3 * x + 2;
  });
  const auto loss_of = [&](const Dataset& first, const Dataset& second) {
    run.data.train = first;
    change_values(run.data.train, [&](std::vector<float>& values) {
      values.insert(values.end(), values_of(second).begin(), values_of(second).end());
    });
    for (Sample sample : second.samples) {
      sample.id += 256;
      run.data.train.samples.push_back(sample);
    }
    return baseline("norm-stats").loss;
  };
  const double loss = loss_of(dark, bright);
  EXPECT_NEAR(loss, loss_of(bright, dark), 1e-4);
  EXPECT_GT(std::abs(loss - loss_of(dark, dark)), 1e-3);
  EXPECT_GT(std::abs(loss - loss_of(bright, bright)), 1e-3);
}

}  // namespace
}  // namespace thaw::test
