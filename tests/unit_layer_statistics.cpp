// What is layer_samples of a run: how far weights have come from where they began, how far one update moves them,
// and what a run is said to cost.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/train/layer_statistics.h"
#include "nn/layers/linear.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

using Values = std::vector<std::vector<double>>;  // of each parameter

Values values_of(const Model& model) {
  Values values;
  for (const ParameterPtr& parameter : model.parameters()) values.push_back(parameter->tensor.to_vector());
  return values;
}

// ||to - from|| / ||from|| of a group.
double moved(const Model& model, int group, const Values& from, const Values& to) {
  double distance = 0, norm = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (model.parameters()[i]->group != group) continue;
    for (std::size_t j = 0; j < from[i].size(); ++j) {
      distance += std::pow(to[i][j] - from[i][j], 2);
      norm += std::pow(from[i][j], 2);
    }
  }
  return std::sqrt(distance / norm);
}

struct WithStatistics {
  std::unique_ptr<Model> model;
  std::vector<LayerSample> samples;
  std::map<std::int64_t, Values> after;  // of updates; 0: the start
  std::vector<double> losses;
};

WithStatistics layer_samples(TestRun& run, std::int64_t samples) {
  WithStatistics result;
  result.model = run.make();
  const RunSetup setup = run.setup();
  result.after[0] = values_of(*result.model);
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) {
    result.after[progress.completed] = values_of(*result.model);
    result.losses.push_back(progress.loss);
  };
  Trainer trainer(run.config, setup, *result.model, run.data, hooks);
  LayerStatistics watch(*result.model, run.config.train.steps, samples);
  trainer.add(watch);
  trainer.run();
  result.samples = watch.samples();
  return result;
}

TEST(LayerStatistics, DriftIsFromTheStartAndAnUpdatesShareFromBeforeIt) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.lr = 0.02;
  const WithStatistics result = layer_samples(run, 4);
  ASSERT_EQ(result.samples.size(), 5U);  // updates 1, 4, 7, 10 and the last
  for (const LayerSample& sample : result.samples) {
    SCOPED_TRACE("update " + std::to_string(sample.step));
    const Values &start = result.after.at(0), &before = result.after.at(sample.step - 1),
                 &now = result.after.at(sample.step);
    for (int group = 0; group < static_cast<int>(result.model->groups().size()); ++group) {
      const auto g = static_cast<std::size_t>(group);
      EXPECT_NEAR(sample.weight_distance[g], moved(*result.model, group, start, now), 1e-8);
      EXPECT_NEAR(sample.update_ratio[g], moved(*result.model, group, before, now), 1e-8);
    }
  }
  EXPECT_GT(result.samples.back().weight_distance[0], 2 * result.samples.back().update_ratio[0])
      << "or it shows nothing";
}

TEST(LayerStatistics, TheLossIsTheMeanSinceTheLastSample) {
  TestRun run("mlp", {"full", {}, {}});
  const WithStatistics result = layer_samples(run, 4);
  ASSERT_EQ(result.samples.size(), 5U);
  EXPECT_NEAR(result.samples[0].loss, result.losses[0], 1e-12);
  EXPECT_NEAR(result.samples[1].loss, (result.losses[1] + result.losses[2] + result.losses[3]) / 3, 1e-12);
  EXPECT_NEAR(result.samples[4].loss, (result.losses[10] + result.losses[11]) / 2, 1e-12);
}

// -- without a run, with parts of a group frozen

void scale(const ParameterPtr& parameter, double factor) {
  const NoGrad no_grad;
  kernels::affine(parameter->tensor, std::as_const(parameter->tensor), factor, 0);
}

struct LayerStatisticsByHand : ::testing::Test {
  LayerStatisticsByHand()
      : model(TestRun("mlp", {"full", {}, {}}).make()),
        plan(resolve(*model, plan_of({make_phase(0, "all")}))),
        watch(*model, 3) {
    for (const ParameterPtr& parameter : model->parameters())
      parameter->set_requires_grad(parameter->name == "head.weight");
  }
  // An update that scales the weights of the head, whose bias is frozen.
  void update(std::int64_t completed, double factor, double loss = 1) {
    watch.before_step(at(completed, loss));
    for (const ParameterPtr& parameter : model->parameters())
      if (parameter->requires_grad()) scale(parameter, factor);
    watch.after_step(at(completed, loss));
  }
  Moment at(std::int64_t completed, double loss) const {
    return {*model, plan, completed, 0, 0, 0, loss, 0.1, 0, 0};
  }
  std::unique_ptr<Model> model;
  ResolvedPlan plan;
  LayerStatistics watch;
};

double norm_of(const Tensor& x) { return std::sqrt(sum(square(x.detach())).item()); }

TEST_F(LayerStatisticsByHand, DriftIsFromTheStartAndAnUpdateFromTheOneBefore) {
  const auto head = static_cast<std::size_t>(model->head());
  const ParameterPtr weight = model->output_layer().weight(), bias = model->output_layer().bias();
  const double of_weight = norm_of(weight->tensor), of_bias = norm_of(bias->tensor);
  ASSERT_GT(of_bias, 0.1 * of_weight) << "or a mistake would not show";
  for (std::int64_t k = 0; k < 3; ++k) update(k, 1.5);
  ASSERT_EQ(watch.samples().size(), 3U);
  const double start = std::sqrt(of_weight * of_weight + of_bias * of_bias);
  double scaled = 1;
  for (const LayerSample& sample : watch.samples()) {
    scaled *= 1.5;
    EXPECT_NEAR(sample.update_ratio[head], 0.5, 1e-5)
        << "beside what trains, not what is frozen in its group";
    EXPECT_NEAR(sample.weight_distance[head], (scaled - 1) * of_weight / start, 1e-5);
    for (std::size_t g = 0; g < head; ++g) {
      EXPECT_EQ(sample.update_ratio[g], 0);
      EXPECT_EQ(sample.weight_distance[g], 0);
    }
  }
}

TEST_F(LayerStatisticsByHand, LossesBetweenSamplesAreTheirMean) {
  LayerStatistics seldom(*model, 4, 2);
  for (std::int64_t k = 0; k < 4; ++k) {
    seldom.before_step(at(k, static_cast<double>(k)));
    seldom.after_step(at(k, static_cast<double>(k)));
  }
  ASSERT_EQ(seldom.samples().size(), 3U) << "every second one, and the last";
  EXPECT_EQ(seldom.samples()[0].loss, 0);
  EXPECT_EQ(seldom.samples()[1].loss, 1.5);
  EXPECT_EQ(seldom.samples()[2].loss, 3);
}

// -- cost

// An epoch of three batches has no fourth, however many an update may have.
TEST(Cost, AccumulationEndsWithTheEpoch) {
  for (const std::int64_t accumulation : {2, 3, 1000}) {
    SCOPED_TRACE("accumulation " + std::to_string(accumulation));
    TestRun run("mlp", {"full", {}, {}});
    run.config.train.accumulation = accumulation;
    const RunResult outcome = run.train();
    ASSERT_EQ(outcome.ledger.phases.size(), 1U);
    const LedgerPhase& row = outcome.ledger.phases[0];
    ASSERT_TRUE(row.was_measured);
    EXPECT_EQ(row.predicted.total_flops(), row.measured.total_flops());
    EXPECT_EQ(row.predicted.saved_bytes, row.measured.saved_bytes);
    EXPECT_EQ(row.predicted.gradient_bytes, row.measured.gradient_bytes);
  }
}

// 24 samples: two batches of ten, and one of four, which costs four tenths.
TEST(Cost, APartialBatchCountsByItsSamples) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.batch_size = 10;
  run.config.train.steps = 6;
  const RunResult outcome = run.train();
  const double full = outcome.ledger.phases.at(0).predicted.total_flops();
  EXPECT_NEAR(outcome.flops, 2 * 2.4 * full, 1e-9 * full);
}

}  // namespace
}  // namespace thaw::test
