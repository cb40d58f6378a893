// What is watched of a run: how far weights have come from where they began, how far one update moves them,
// and what a run is said to cost.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/autograd.h"
#include "finetune/train/watch.h"
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

struct Watched {
  std::unique_ptr<Model> model;
  std::vector<WatchSample> samples;
  std::map<std::int64_t, Values> after;  // of updates; 0: the start
  std::vector<double> losses;
};

Watched watched(TestRun& run, std::int64_t samples) {
  Watched result;
  result.model = run.make();
  const Strategy strategy = run.strategy();
  result.after[0] = values_of(*result.model);
  Trainer::Hooks hooks;
  hooks.progress = [&](const TrainProgress& progress) {
    result.after[progress.completed] = values_of(*result.model);
    result.losses.push_back(progress.loss);
  };
  Trainer trainer(run.config, strategy, run.model_config, *result.model, run.data, hooks);
  Watch watch(*result.model, run.config.train.steps, samples);
  trainer.watch_with(watch);
  trainer.run();
  result.samples = watch.samples();
  return result;
}

TEST(Watch, DriftIsFromTheStartAndAnUpdatesShareFromBeforeIt) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.lr = 0.02;
  const Watched result = watched(run, 4);
  ASSERT_EQ(result.samples.size(), 5U);  // updates 1, 4, 7, 10 and the last
  for (const WatchSample& sample : result.samples) {
    SCOPED_TRACE("update " + std::to_string(sample.step));
    const Values &start = result.after.at(0), &before = result.after.at(sample.step - 1),
                 &now = result.after.at(sample.step);
    for (int group = 0; group < static_cast<int>(result.model->groups().size()); ++group) {
      const auto g = static_cast<std::size_t>(group);
      EXPECT_NEAR(sample.drift[g], moved(*result.model, group, start, now), 1e-8);
      EXPECT_NEAR(sample.update_ratio[g], moved(*result.model, group, before, now), 1e-8);
    }
  }
  EXPECT_GT(result.samples.back().drift[0], 2 * result.samples.back().update_ratio[0])
      << "or it shows nothing";
}

TEST(Watch, TheLossIsTheMeanSinceTheLastSample) {
  TestRun run("mlp", {"full", {}, {}});
  const Watched result = watched(run, 4);
  ASSERT_EQ(result.samples.size(), 5U);
  EXPECT_NEAR(result.samples[0].loss, result.losses[0], 1e-12);
  EXPECT_NEAR(result.samples[1].loss, (result.losses[1] + result.losses[2] + result.losses[3]) / 3, 1e-12);
  EXPECT_NEAR(result.samples[4].loss, (result.losses[10] + result.losses[11]) / 2, 1e-12);
}

// -- cost

// An epoch of three batches has no fourth, however many an update may have.
TEST(Cost, AccumulationEndsWithTheEpoch) {
  for (const std::int64_t accumulation : {2, 3, 1000}) {
    SCOPED_TRACE("accumulation " + std::to_string(accumulation));
    TestRun run("mlp", {"full", {}, {}});
    run.config.train.accumulation = accumulation;
    const RunOutcome outcome = run.train();
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
  const RunOutcome outcome = run.train();
  const double full = outcome.ledger.phases.at(0).predicted.total_flops();
  EXPECT_NEAR(outcome.flops, 2 * 2.4 * full, 1e-9 * full);
}

}  // namespace
}  // namespace thaw::test
