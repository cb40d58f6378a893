// How many batches an update has, how many updates a part of an epoch, and that the ledger predicts no
// others.
#include <gtest/gtest.h>

#include "finetune/plan/interval.h"
#include "tests/training_fixture.h"

namespace thaw {
namespace {

void expect_predicted(const RunResult& outcome) {
  ASSERT_FALSE(outcome.ledger.phases.empty());
  for (const LedgerPhase& row : outcome.ledger.phases) {
    ASSERT_TRUE(row.was_measured);
    EXPECT_EQ(row.predicted.flops, row.measured.flops) << "phase " << row.phase;
    EXPECT_EQ(row.predicted.saved_bytes, row.measured.saved_bytes) << "phase " << row.phase;
  }
}

// An epoch of 24 samples has three batches of eight, also where an update would take five.
TEST(UpdateCounts, TheLedgerHasNoBatchesBeyondAnEpoch) {
  test::TestRun run("mlp", {"gradual", {}, {}});
  run.config.train.accumulation = 5;
  expect_predicted(run.train());
}

// That is, of the norm: whether gradients are scaled by it hangs on their values, which a prediction has not.
TEST(UpdateCounts, TheLedgerHasTheWorkOfClipping) {
  test::TestRun run("mlp", {"full", {}, {}});
  const double without = run.train().ledger.phases[0].predicted.total_flops();
  run.config.train.clip_norm = 1e6;
  const RunResult outcome = run.train();
  expect_predicted(outcome);
  EXPECT_GT(outcome.ledger.phases[0].predicted.total_flops(), without);
}

TEST(UpdateCounts, PartsOfAnEpochAreRoundedToUpdates) {
  EXPECT_EQ(parse_interval("0.5 epoch", 5, "key"), 3);
  EXPECT_EQ(parse_interval("0.3 epochs", 6, "key"), 2);
  EXPECT_EQ(parse_interval("0.01 epoch", 6, "key"), 1);
  EXPECT_EQ(parse_interval("2 epochs", 6, "key"), 12);
  EXPECT_EQ(parse_interval("7 steps", 6, "key"), 7);
  EXPECT_EQ(parse_interval("never", 6, "key"), 0);
}

}  // namespace
}  // namespace thaw
