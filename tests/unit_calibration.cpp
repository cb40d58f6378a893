// What a calibration says of a run. How long anything takes is the machine's affair and no test's.
#include <gtest/gtest.h>

#include <csignal>
#include <numeric>

#include "finetune/model/weights_hash.h"
#include "finetune/train/calibration.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

Calibration calibrate(const TestRun& run, const Calibration::Limits& limits = {}) {
  return {run.config, run.setup(), run.data.train, limits};
}

void price(const TestRun& run, const Calibration& calibration, Ledger& ledger) {
  const RunSetup setup = run.setup();
  ledger = setup.predicted(run.config, run.data.train);
  calibration.price(ledger, setup.plan);
}

double sum_of(const std::array<double, kSections>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

void expect_seconds(const LedgerPhase& row) {
  const StepCost& cost = row.predicted;
  EXPECT_GT(row.predicted_seconds, 0);
  EXPECT_GT(cost.update_seconds, 0);
  EXPECT_LE(sum_of(cost.seconds), cost.update_seconds * (1 + 1e-9));
  for (std::size_t s = 0; s < kSections; ++s) {
    EXPECT_EQ(cost.seconds[s] > 0, cost.flops[s] > 0) << section_name(static_cast<Section>(s));
    double groups = 0;
    for (const auto& of_group : cost.group_seconds) groups += of_group[s];
    EXPECT_NEAR(groups, cost.seconds[s], 1e-9);
  }
}

TEST(Calibration, EveryPhaseHasSeconds) {
  for (const char* strategy : {"full", "head", "gradual", "chain-thaw", "lora", "l2-sp"}) {
    SCOPED_TRACE(strategy);
    TestRun run("mlp", {strategy, {}, {}});
    run.config.train.clip_norm = 1;
    Ledger ledger;
    price(run, calibrate(run), ledger);
    ASSERT_FALSE(ledger.phases.empty());
    for (const LedgerPhase& row : ledger.phases) expect_seconds(row);
  }
}

TEST(Calibration, WhatIsKeptIsPricedToo) {
  TestRun run("mlp", {"head", {}, {}});
  run.model_config.hidden = {512, 512};
  Ledger ledger;
  price(run, calibrate(run), ledger);
  const LedgerPhase& row = ledger.phases.at(0);
  ASSERT_GT(row.prefix.training.stages, 0);
  expect_seconds(row);
  EXPECT_GT(row.prefix.seconds, 0);
  EXPECT_GE(row.predicted_seconds, 12 * row.predicted.update_seconds + 24 * row.prefix.seconds);
}

TEST(Calibration, ARequestToStopLeavesNoSeconds) {
  TestRun run("mlp", {"gradual", {}, {}});
  StopToken stop;
  stop.request(SIGINT);
  const Calibration calibration(run.config, run.setup(), run.data.train, {}, &stop);
  Ledger ledger;
  price(run, calibration, ledger);
  ASSERT_EQ(ledger.phases.size(), 4u);
  for (const LedgerPhase& row : ledger.phases) EXPECT_EQ(row.predicted_seconds, 0);
}

// A few updates of a short run are too large a part of it.
TEST(Calibration, ShortRunsAreNotTried) {
  TestRun run("mlp", {"full", {}, {}});
  Ledger ledger;
  price(run, calibrate(run, {.share_of_run = 0.03}), ledger);
  EXPECT_EQ(ledger.phases.at(0).predicted_seconds, 0);
  run.config.train.steps = 200;
  price(run, calibrate(run, {.share_of_run = 0.03}), ledger);
  EXPECT_GT(ledger.phases.at(0).predicted_seconds, 0);
}

// Enough is enough after one phase: the others are priced by its rates, FLOP by FLOP.
TEST(Calibration, WhatWasNotTriedIsEstimated) {
  TestRun run("mlp", {"plan", {}, {make_phase(0, "all"), make_phase(4, "head"), make_phase(8, "top:1")}});
  run.config.train.cache = "off";
  Ledger ledger;
  price(run, calibrate(run, {.seconds = 0}), ledger);
  ASSERT_EQ(ledger.phases.size(), 3u);
  const StepCost& all = ledger.phases[0].predicted;
  for (const LedgerPhase& row : ledger.phases) {
    const StepCost& cost = row.predicted;
    for (std::size_t s = 0; s < kSections; ++s)
      for (std::size_t g = 0; g < cost.group_flops.size(); ++g)
        EXPECT_NEAR(cost.group_seconds[g][s] * all.group_flops[g][s],
                    all.group_seconds[g][s] * cost.group_flops[g][s],
                    1e-9 * all.group_flops[g][s] * all.group_seconds[g][s]);
    EXPECT_NEAR(cost.update_seconds / sum_of(cost.seconds), all.update_seconds / sum_of(all.seconds),
                1e-9 * all.update_seconds / sum_of(all.seconds));
  }
}

// When a plateau comes nobody knows; what the updates behind it cost is known.
TEST(Calibration, PhasesBehindPlateausAreTried) {
  TestRun run("mlp", {"plan", {}, {make_phase(0, "head"), make_plateau_phase("all")}});
  run.config.train.eval_every = {Period::Unit::epochs, 1};
  const RunSetup setup = run.setup();
  const Calibration calibration(run.config, setup, run.data.train, {});
  Ledger ledger = setup.predicted(run.config, run.data.train, {{1, 6}});
  calibration.price(ledger, setup.plan);
  ASSERT_EQ(ledger.phases.size(), 2u);
  for (const LedgerPhase& row : ledger.phases) expect_seconds(row);
}

TEST(Calibration, SecondsGrowWithTheRun) {
  TestRun run("mlp", {"full", {}, {}});
  const Calibration calibration = calibrate(run);
  Ledger ledger;
  price(run, calibration, ledger);
  const double seconds = ledger.phases[0].predicted_seconds,
               of_update = ledger.phases[0].predicted.update_seconds;
  run.config.train.steps *= 100;
  price(run, calibration, ledger);
  EXPECT_NEAR(ledger.phases[0].predicted_seconds - seconds, 99 * 12 * of_update, 1e-6 * 1200 * of_update);
  EXPECT_EQ(ledger.phases[0].predicted.update_seconds, of_update);
}

TEST(Calibration, ARunIsNoOtherForIt) {
  TestRun run("mlp", {"gradual", {}, {}}, 0.1);
  run.train();
  const std::string without = hash_of_model(*run.model, run.model_config);
  RunSetup setup = run.setup();
  setup.calibration = std::make_shared<const Calibration>(calibrate(run));
  run.model = run.make();
  const RunResult result = Trainer(run.config, setup, *run.model, run.data, {}).run();
  EXPECT_EQ(hash_of_model(*run.model, run.model_config), without);
  EXPECT_GT(result.ledger.phases[0].predicted_seconds, 0);
}

}  // namespace
}  // namespace thaw::test
