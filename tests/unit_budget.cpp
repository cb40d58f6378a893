// What a comparison's runs may spend.
#include <gtest/gtest.h>

#include <algorithm>

#include "finetune/compare/notes.h"
#include "finetune/compare/with_budget.h"
#include "finetune/run/run.h"
#include "finetune/train/trainer.h"
#include "tests/support/from_config.h"
#include "tests/support/messages.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

TEST(Budget, ReadsEveryKind) {
  EXPECT_EQ(parse_budget("epochs").kind, Budget::Kind::epochs);
  EXPECT_EQ(parse_budget("convergence").kind, Budget::Kind::convergence);
  const auto expect = [](const char* text, Budget::Kind kind, double amount) {
    const Budget budget = parse_budget(text);
    EXPECT_EQ(budget.kind, kind) << text;
    EXPECT_EQ(budget.amount, amount) << text;
  };
  expect("60s", Budget::Kind::seconds, 60);
  expect("0.5s", Budget::Kind::seconds, 0.5);
  expect("flops=1e12", Budget::Kind::flops, 1e12);
  expect("bytes=2e9", Budget::Kind::bytes, 2e9);
}

TEST(Budget, RefusesTheRest) {
  for (const char* text : {"", "s", "60", "60 s x", "-1s", "0s", "nans", "infs", "flops", "flops=", "flops=0",
                           "flops=-1", "flops=1e999", "bytes=x", "FLOPS=1", "epoch", "seconds"})
    expect_worded(message_of<InputError>([&] { parse_budget(text); }));
}

TEST(Budget, InWords) {
  TrainSection train;
  EXPECT_EQ(describe(parse_budget("epochs"), train), "3 epochs");
  train.steps = 12;
  EXPECT_EQ(describe(parse_budget("epochs"), train), "12 updates");
  EXPECT_EQ(describe(parse_budget("60s"), train), "60 seconds of training");
  expect_worded(describe(parse_budget("flops=1e12"), train));
  expect_worded(describe(parse_budget("bytes=2e9"), train));
  expect_worded(describe(parse_budget("convergence"), train));
  train.early_stopping_patience = 3;
  expect_worded(describe(parse_budget("convergence"), train));
}

TEST(Budget, SecondsThatWereMissedAreSaid) {
  const auto summary = [](const std::string& name, double lr, double seconds) {
    StrategySummary s;
    s.strategy = name;
    s.runs = 3;
    s.lr = lr;
    s.seconds = {seconds, seconds, seconds};
    return s;
  };
  std::vector<StrategySummary> summaries = {summary("probe", 0, 0.1), summary("full", 0.1, 8.1),
                                            summary("head", 0.1, 11.9)};
  EXPECT_TRUE(missed_budget_notes(parse_budget("10s"), summaries).empty()) << "within a fifth";
  summaries.push_back(summary("gradual", 0.1, 12.1));
  summaries.push_back(summary("bitfit", 0.1, 7.9));
  const std::vector<std::string> notes = missed_budget_notes(parse_budget("10s"), summaries);
  ASSERT_EQ(notes.size(), 1u);
  expect_has(notes[0], "the budget of 10 s was missed by more than 20 %: gradual 12 s, bitfit 7.9 s of");
  EXPECT_TRUE(missed_budget_notes(parse_budget("flops=1"), summaries).empty());
}

TEST(MachineNotes, AreOfRunsOnSeveral) {
  std::vector<ReportedRun> runs(3);
  EXPECT_TRUE(machine_notes(runs).empty()) << "of a journal of before it was kept";
  runs[0].machine = runs[1].machine = "one, 2 threads";
  EXPECT_TRUE(machine_notes(runs).empty());
  runs[2].machine = "one, 8 threads";
  EXPECT_EQ(machine_notes(runs).at(0),
            "warning: seconds are not on equal terms: 2 runs on one, 2 threads; 1 run on one, 8 threads");
}

// Runs of the small task, whose last batch of an epoch is a partial one.
struct CandidateBudget : ::testing::Test {
  CandidateBudget() : run("mlp", {"full", {}, {}}) {
    run.config.model.hidden = run.model_config.hidden;
    run.data.train = make_clusters({6}, 25, 2);
    run.config.train.steps = 0;
    run.config.train.epochs = 2;
  }
  Config cut(const std::string& budget) const {
    return with_budget(run.config, open_source(run.config.model), parse_budget(budget), run.data);
  }
  RunResult train(const Config& config) const { return train_on(run.data, config); }
  TestRun run;
};

TEST_F(CandidateBudget, FlopsAreSpentAndNotExceeded) {
  for (const char* strategy : {"full", "gradual", "lora"}) {
    run.config.strategy.name = strategy;
    run.config.train.epochs = 1;
    const double epoch = train(run.config).flops;
    for (const double epochs : {0.4, 0.7, 2.1, 7.7}) {
      const double budget = epochs * epoch;
      const Config config = cut(concat("flops=", budget));
      const double spent = train(config).flops;
      EXPECT_LE(spent, budget * (1 + 1e-5)) << strategy << ' ' << epochs;
      Config more = config;
      ++more.train.steps;
      EXPECT_GT(train(more).flops, budget * (1 - 1e-5)) << strategy << ' ' << epochs;
    }
    expect_worded(message_of<OverBudget>([&] { cut(concat("flops=", 0.3 * epoch)); }));
  }
}

// Its draws go on for as long as the run does.
TEST_F(CandidateBudget, FlopsOfAStrategyWhosePlanGrowsWithTheRun) {
  run.config.strategy = {"lisa", {{"middle", 1.0}, {"every", "3 steps"}}, {}};
  const double epoch = train(run.config).flops / run.config.train.epochs;
  const Config config = cut(concat("flops=", 9.3 * epoch));
  EXPECT_GT(config.train.steps, 30);
  EXPECT_LE(train(config).flops, 9.3 * epoch * (1 + 1e-5));
  Config more = config;
  ++more.train.steps;
  EXPECT_GT(train(more).flops, 9.3 * epoch * (1 - 1e-5));
}

TEST_F(CandidateBudget, BytesCutBatchesAndKeepTheUpdate) {
  run.config.train.batch_size = 9;
  const auto bytes_of = [&](const Config& config) {
    std::int64_t most = 0;
    for (const LedgerPhase& phase : train(config).ledger.phases)
      most = std::max(
          most, phase.measured.saved_bytes + phase.measured.gradient_bytes + phase.measured.optimizer_bytes);
    return static_cast<double>(most);
  };
  const double whole = bytes_of(run.config);
  EXPECT_EQ(cut(concat("bytes=", whole + 1)).train.batch_size, 9);
  Config one = run.config;
  one.train.batch_size = 1;
  const double least = bytes_of(one);
  ASSERT_LT(least, whole);
  const Config config = cut(concat("bytes=", least + 1));
  EXPECT_LE(bytes_of(config), least + 1);
  EXPECT_EQ(config.train.batch_size, 1);
  EXPECT_EQ(config.train.accumulation, 9) << "as many samples in an update as before";
  run.config.train.batch_size = 10;  // which halves do not divide
  for (const double share : {0.3, 0.4, 0.5, 0.7, 0.9}) {
    const TrainSection cut_train = cut(concat("bytes=", least + share * (whole - least))).train;
    EXPECT_EQ(cut_train.batch_size * cut_train.accumulation, 10) << share;
  }
  run.config.train.batch_size = 9;
  expect_worded(message_of<OverBudget>([&] { cut(concat("bytes=", least / 2)); }));
}

TEST_F(CandidateBudget, ConvergenceStretchesTheRun) {
  run.config.train.early_stopping_patience = 0;
  const Config config = cut("convergence");
  EXPECT_EQ(config.train.epochs, 20);
  EXPECT_EQ(config.train.early_stopping_patience, 5);
  EXPECT_TRUE(config.train.restore_best);
  run.config.train.steps = 7;
  run.config.train.early_stopping_patience = 2;
  EXPECT_EQ(cut("convergence").train.steps, 70);
  EXPECT_EQ(cut("convergence").train.early_stopping_patience, 2);
}

// How long an update takes is the machine's affair; that it is neither a nanosecond nor an hour is not.
TEST_F(CandidateBudget, SecondsAreCalibrated) {
  EXPECT_EQ(cut("1e-9s").train.steps, 1);
  EXPECT_EQ(cut("1e12s").train.steps, kMostUpdates);
  run.config.train.epochs = 0.1;  // a run of one update tells nothing of itself
  EXPECT_EQ(cut("1e-9s").train.steps, 1);
}

// With a limit that a whole batch exceeds.
TEST_F(CandidateBudget, BytesAreCutWhateverTheMemoryMayBe) {
  run.config.train.batch_size = 9;
  run.config.train.memory = ByteSize{1};
  EXPECT_EQ(cut("bytes=1e9").train.batch_size, 9);
}

TEST_F(CandidateBudget, PlateausKeepNone) {
  run.config.strategy = {"plan", {}, {make_phase(0, "head"), make_plateau_phase("all")}};
  run.config.train.eval_every = {Period::Unit::epochs, 1};
  expect_worded(message_of<OverBudget>([&] { cut("flops=1e9"); }));
  EXPECT_THROW(cut("10s"), OverBudget);
  EXPECT_EQ(cut("bytes=1e9").train.batch_size, run.config.train.batch_size);
}

TEST_F(CandidateBudget, ARequestToStopEndsTheCalibration) {
  StopToken stop;
  stop.request(SIGINT);
  const Config config =
      with_budget(run.config, open_source(run.config.model), parse_budget("10s"), run.data, &stop);
  EXPECT_EQ(config.train.steps, 0) << "as it was";
}

}  // namespace
}  // namespace thaw::test
