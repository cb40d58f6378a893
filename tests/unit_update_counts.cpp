// How many batches an update has, how many updates a part of an epoch, and that the ledger predicts no
// others.
#include <gtest/gtest.h>

#include "finetune/plan/period.h"
#include "tests/training_fixture.h"

namespace thaw::test {
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
  TestRun run("mlp", {"gradual", {}, {}});
  run.config.train.accumulation = 5;
  expect_predicted(run.train());
}

// 25 samples in batches of ten: the third has five, and all three make one update.
TEST(UpdateCounts, TheLedgerHasThePartialBatchOfAnUpdate) {
  TestRun run("mlp", {"full", {}, {}});
  run.data.train = make_clusters({6}, 25, 2);
  run.config.train.batch_size = 10;
  run.config.train.accumulation = 3;
  expect_predicted(run.train());
}

TEST(UpdateCounts, TheLedgerHasTheLookAtGradients) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.nan = NanAction::skip;
  expect_predicted(run.train());
}

// That is, of the norm: whether gradients are scaled by it hangs on their values, which a prediction has not.
TEST(UpdateCounts, TheLedgerHasTheWorkOfClipping) {
  TestRun run("mlp", {"full", {}, {}});
  const double without = run.train().ledger.phases[0].predicted.total_flops();
  run.config.train.clip_norm = 1e6;
  const RunResult outcome = run.train();
  expect_predicted(outcome);
  EXPECT_GT(outcome.ledger.phases[0].predicted.total_flops(), without);
}

TEST(UpdateCounts, PartsOfAnEpochAreRoundedToUpdates) {
  const auto updates = [](const char* text, std::int64_t per_epoch) {
    return parse_period(text).value().updates({100, per_epoch});
  };
  EXPECT_EQ(updates("0.5 epoch", 5), 3);
  EXPECT_EQ(updates("0.3 epochs", 6), 2);
  EXPECT_EQ(updates("0.01 epoch", 6), 1);
  EXPECT_EQ(updates("2 epochs", 6), 12);
  EXPECT_EQ(updates("7 steps", 6), 7);
  EXPECT_EQ(updates("0.1 run", 6), 10);
  EXPECT_EQ(updates("never", 6), 0);
}

// One parser reads every length of the config; what it writes it reads back.
TEST(UpdateCounts, APeriodIsANumberAboveZeroAndAUnit) {
  for (const char* text : {"", "often", "1", "epoch", "0 epochs", "-1 steps", "1.5 steps", "nan epochs",
                           "1 epoch 2", "1e9 steps", "2 runs"})
    EXPECT_FALSE(parse_period(text)) << text;
  for (const char* text : {"1 epoch", "0.5 epochs", "1 step", "100 steps", "0.1 run", "never"})
    EXPECT_EQ(to_text(parse_period(text).value()), text);
}

}  // namespace
}  // namespace thaw::test
