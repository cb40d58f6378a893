// What a calibration says of a run. How long anything takes is the machine's affair and no test's.
#include <gtest/gtest.h>

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

TEST(Calibration, EveryPhaseHasSeconds) {
  for (const char* strategy : {"full", "head", "gradual", "chain-thaw", "lora", "l2-sp"})
    for (const char* cache : {"auto", "off"}) {
      SCOPED_TRACE(concat(strategy, ", cache ", cache));
      TestRun run("mlp", {strategy, {}, {}});
      run.config.train.cache = cache;
      run.config.train.clip_norm = 1;
      Ledger ledger;
      price(run, calibrate(run), ledger);
      ASSERT_FALSE(ledger.phases.empty());
      for (const LedgerPhase& row : ledger.phases) {
        const StepCost& cost = row.predicted;
        EXPECT_GT(row.predicted_seconds, 0);
        EXPECT_GT(cost.update_seconds, 0);
        for (std::size_t s = 0; s < kSections; ++s) {
          EXPECT_EQ(cost.seconds[s] > 0, cost.flops[s] > 0) << section_name(static_cast<Section>(s));
          double groups = 0;
          for (const auto& of_group : cost.group_seconds) groups += of_group[s];
          EXPECT_NEAR(groups, cost.seconds[s], 1e-9);
        }
        EXPECT_EQ(row.prefix.seconds > 0, row.prefix.training.stages > 0 && row.prefix.computed > 0)
            << row.phase;
      }
    }
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
