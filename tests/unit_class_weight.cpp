// Weights of classes in the training loss: against PyTorch's CrossEntropyLoss(weight) by
// golden/make_golden.py, accumulated micro-batches against the big batch, and what is refused.
#include "finetune/preprocess/prepared_data.h"
#include "finetune/task/class_weight.h"
#include "finetune/train/trainer.h"

#include <cmath>

#include "core/error.h"
#include "finetune/train/ledger.h"
#include "tests/golden/golden.h"
#include "tests/support/datasets.h"
#include "tests/support/tasks.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

TrainSection named(std::map<std::string, double> weights) {
  TrainSection section;
  section.class_weight.of = std::move(weights);
  return section;
}

Dataset labelled(const std::vector<std::int64_t>& labels, std::vector<std::string> classes) {
  Dataset data = labelled_samples(labels);
  data.classes = std::move(classes);
  return data;
}

std::string refusal(const TrainSection& section, const Dataset& data) {
  try {
    class_weights(section.class_weight, data);
  } catch (const InputError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(ClassWeight, BalancedIsScikitLearns) {
  TrainSection section;
  section.class_weight.balanced = true;
  EXPECT_EQ(class_weights(section.class_weight, labelled({0, 0, 0, 1}, {"a", "b"})),
            (std::vector<double>{4.0 / 6, 2}));
  // One that does not occur is none of the k.
  EXPECT_EQ(class_weights(section.class_weight, labelled({0, 0, 0, 2}, {"a", "b", "c"})),
            (std::vector<double>{4.0 / 6, 1, 2}));
  EXPECT_TRUE(class_weights({}, labelled({0}, {"a"})).empty());
}

TEST(ClassWeight, NamesAreMatchedAsLabelsAre) {
  EXPECT_EQ(class_weights(named({{"spam", 3}}).class_weight, labelled({0, 1}, {"ham", "spam"})),
            (std::vector<double>{1, 3}));
  EXPECT_EQ(class_weights(named({{" 1.0", 3}}).class_weight, labelled({0, 1}, {"0", "1"})),
            (std::vector<double>{1, 3}));
}

TEST(ClassWeight, WhatCannotBeMeantIsRefused) {
  const Dataset data = labelled({0, 1, 1}, {"ham", "spam", "eggs"});
  EXPECT_NE(refusal(named({{"spma", 3}}), data)
                .find("\"spma\", which is no class; the classes are \"ham\", \"spam\""),
            std::string::npos);
  EXPECT_NE(refusal(named({{"1", 3}, {"1.0", 2}}), labelled({0, 1}, {"0", "1"})).find("twice"),
            std::string::npos);
  // Eggs do not occur.
  EXPECT_NE(refusal(named({{"ham", 0}, {"spam", 0}}), data).find("no training sample"), std::string::npos);
  EXPECT_EQ(refusal(named({{"ham", 0}}), data), "nothing");
}

// -- PyTorch

PreparedData golden_data(const SafetensorsFile& file) {
  const Tensor x = file.load("x");
  const std::vector<double> values = x.to_vector(), labels = file.load("y").to_vector();
  PreparedData data;
  data.train = number_samples({x.size(1)}, {values.begin(), values.end()});
  set_labels(data.train, {labels.begin(), labels.end()});
  data.train.classes = {"0", "1", "2"};
  return data;
}

void expect_training_as_pytorch(const std::string& name, const TrainSection& section, std::int64_t batch,
                                std::int64_t accumulation) {
  SCOPED_TRACE(concat(name, " in batches of ", batch));
  const SafetensorsFile file = open_golden("class_weight.safetensors");
  TestRun run("mlp", {"full", {}, {}});
  run.data = golden_data(file);
  run.model_config.hidden = {6};
  run.model_config.sample_shape = {5};
  run.config.train = section;
  run.config.train.optimizer = OptimizerKind::sgd;
  run.config.train.lr = 0.1;
  run.config.train.weight_decay = 0;
  run.config.train.steps = 9;
  run.config.train.shuffle = false;
  run.config.train.batch_size = batch;
  run.config.train.accumulation = accumulation;
  run.config.train.eval_every = run.config.train.checkpoint_every = Period{};
  run.model = run.make();
  {
    const NoGrad no_grad;
    for (const ParameterPtr& p : run.model->parameters()) {
      const Tensor from = file.load("start." + p->name);
      Tensor to = p->tensor;
      kernels::copy(to, from);
    }
  }
  const RunSetup setup = run.setup();
  std::vector<double> losses;
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) { losses.push_back(progress.loss); };
  Trainer trainer(run.config, setup, *run.model, run.data, hooks);
  trainer.run();
  const std::vector<double> expected = file.load(name + ".losses").to_vector();
  ASSERT_EQ(losses.size(), expected.size());
  for (std::size_t k = 0; k < losses.size(); ++k) EXPECT_NEAR(losses[k], expected[k], 2e-6) << k;
  for (const ParameterPtr& p : run.model->parameters())
    EXPECT_TRUE(all_close(p->tensor, file.load(name + "." + p->name), 1e-5, 1e-6)) << p->name;
}

TEST(ClassWeight, TrainsAsPyTorchWholeAndInMicroBatches) {
  TrainSection balanced, smoothed = named({{"1", 4}, {"2", 0.25}});
  balanced.class_weight.balanced = true;
  smoothed.label_smoothing = 0.2;
  for (const auto& [batch, accumulation] : {std::pair{18, 1}, std::pair{6, 3}}) {
    expect_training_as_pytorch("balanced", balanced, batch, accumulation);
    expect_training_as_pytorch("named", named({{"1", 4}, {"2", 0}}), batch, accumulation);
    expect_training_as_pytorch("smoothed", smoothed, batch, accumulation);
  }
}

// -- accumulation

std::vector<Tensor> gradients(const TestRun& run, const TrainSection& section, std::int64_t size) {
  Config config;
  config.train = section;
  const auto model = run.make();
  const std::vector<double> weights = class_weights(section.class_weight, run.data.train);
  LossOptions options = loss_options(config, run.data.train);
  const std::int64_t all = run.data.train.size();
  const auto batches = BatchPlan(all, size, all, false, 0).update(0);
  options.mean_weight = mean_weight(weights, run.data.train, batches);
  for (const auto& rows : batches)
    forward_backward(*model, make_batch(run.data.train, rows), options,
                     static_cast<double>(rows.size()) / static_cast<double>(all), nullptr);
  std::vector<Tensor> result;
  for (const ParameterPtr& p : model->parameters()) result.push_back(p->tensor.grad());
  return result;
}

// Some micro-batches have no sample that counts; smoothing gives theirs a part in the loss all the same.
TEST(ClassWeight, MicroBatchesAddUpToTheBigBatch) {
  TestRun run("mlp", {"full", {}, {}});
  std::vector<std::int64_t> labels = run.data.train.labels();
  std::sort(labels.begin(), labels.end());
  set_labels(run.data.train, labels);
  for (const double smoothing : {0.0, 0.1}) {
    TrainSection section = named({{"a", 0}, {"b", 2.5}});
    section.label_smoothing = smoothing;
    const auto expected = gradients(run, section, 24);
    EXPECT_GT(std::abs(expected.back().to_vector()[1]), 1e-3);
    for (const std::int64_t size : {4, 7}) {
      const auto got = gradients(run, section, size);
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(all_close(got[i], expected[i], 1e-5, 1e-6));
    }
  }
}

TEST(ClassWeight, AnUpdateWithoutWeightLearnsNothing) {
  TestRun run("mlp", {"full", {}, {}});
  run.data.train = run.data.train.subset({0, 3, 6});
  LossOptions options{&classification()};
  options.class_weight = from_vector({0, 1, 1}, {3});
  options.mean_weight = 0;
  const auto model = run.make();
  EXPECT_EQ(forward_backward(*model, run.batch(), options, 1, nullptr).item(), 0);
  for (const ParameterPtr& p : model->parameters())
    for (const double value : p->tensor.grad().to_vector()) EXPECT_EQ(value, 0);
}

TEST(ClassWeight, TheLedgerPredictsWhatTheStepDoes) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.class_weight.balanced = true;
  const RunResult outcome = run.train();
  ASSERT_EQ(outcome.status, RunStatus::ok) << outcome.message;
  const LedgerPhase& row = outcome.ledger.phases.at(0);
  ASSERT_TRUE(row.was_measured);
  EXPECT_EQ(row.predicted.total_flops(), row.measured.total_flops());
  EXPECT_EQ(row.predicted.saved_bytes, row.measured.saved_bytes);
}

TEST(ClassWeight, ValidationKnowsNone) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.class_weight.of = {{"a", 50}};
  const RunResult outcome = run.train();
  EXPECT_EQ(outcome.validation, evaluate(*run.model, run.data.validation));
}

}  // namespace
}  // namespace thaw::test
