// What a comparison remembers on disk: its journal, and the register of test evaluations.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "finetune/common/text.h"
#include "finetune/compare/journal.h"
#include "finetune/run/test_evaluations.h"
#include "nn/io/files.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

ReportedRun full_run() {
  ReportedRun run;
  run.strategy = "full";
  run.seed = std::uint64_t{1} << 63U;
  run.draw = 7;
  run.status = RunStatus::ok;
  run.lr = 1e-3 / 3;
  run.metric = "accuracy";
  run.value = 2.0 / 3;
  run.loss = 0.1;
  run.train_seconds = 1.5;
  run.first_epoch_seconds = 0.5;
  run.evaluation_seconds = 0.25;
  run.machine = "one, 2 threads";
  run.flops = 1e15 / 3;
  run.peak_bytes = 123456789012;
  run.trainable = 42;
  run.completed = 30;
  run.test_evaluations = 1;
  run.validation = {{"loss", 0.2}, {"accuracy", 0.75}};
  run.test = {{"loss", 0.1}, {"accuracy", 2.0 / 3}};
  run.test_scores = {1, 0, 1};
  run.confusion = {{{0, 1}, 2}, {{1, 1}, 5}};
  run.evaluations = {{10, {{"loss", 1.25}}, 0.5}, {20, {{"loss", 0.75}}, 1.0}};
  run.layer_samples = {{5, 0.5, {1, 2}, {0.1, 0.2}, {0, 0.3}}};
  run.triggers = {{1, 12}};
  LedgerPhase row;
  row.phase = 1;
  row.seconds = 0.5;
  row.was_measured = true;
  row.measured.flops = {1, 2, 3, 4};
  row.measured.seconds = {0.1, 0.2, 0.3, 0.4};
  row.measured.group_flops = {{5, 6, 7, 8}, {9, 10, 11, 12}};
  row.measured.group_seconds = {{0.5, 0.6, 0.7, 0.8}, {0.9, 1, 1.1, 1.2}};
  row.measured.saved_bytes = 100;
  row.measured.gradient_bytes = 200;
  row.measured.optimizer_bytes = 300;
  run.ledger.phases = {row};
  run.proofs = {{1, 0, 30, 4, 512, "a", "b"}};
  run.never_began = {"phase 2 (epoch 1)"};
  run.kept_is_of_earlier_phase = true;
  return run;
}

struct JournalFile : ::testing::Test {
  TemporaryFolder folder;
  std::string path = folder.path("journal.jsonl");
  Journal open() const { return Journal(folder.path()); }
  void append(const std::string& text) const { std::ofstream(path, std::ios::app) << text; }
};

TEST_F(JournalFile, KeepsEveryFieldOfARun) {
  const ReportedRun run = full_run();
  open().add(run);
  const Journal journal = open();
  EXPECT_EQ(journal.find_run("full", 0), nullptr);
  EXPECT_EQ(journal.find_run("head", run.seed), nullptr);
  const ReportedRun* read = journal.find_run("full", run.seed);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->draw, run.draw);
  EXPECT_EQ(read->status, run.status);
  EXPECT_EQ(read->lr, run.lr);
  EXPECT_EQ(read->metric + read->machine, run.metric + run.machine);
  EXPECT_EQ(read->value, run.value);
  EXPECT_EQ(read->loss, run.loss);
  EXPECT_EQ(read->train_seconds, run.train_seconds);
  EXPECT_EQ(read->first_epoch_seconds, run.first_epoch_seconds);
  EXPECT_EQ(read->evaluation_seconds, run.evaluation_seconds);
  EXPECT_EQ(read->flops, run.flops);
  EXPECT_EQ(read->peak_bytes, run.peak_bytes);
  EXPECT_EQ(read->trainable, run.trainable);
  EXPECT_EQ(read->completed, run.completed);
  EXPECT_EQ(read->test_evaluations, run.test_evaluations);
  EXPECT_EQ(read->test, run.test);
  EXPECT_EQ(read->test_scores, run.test_scores);
  EXPECT_EQ(read->confusion, run.confusion);
  ASSERT_EQ(read->evaluations.size(), 2u);
  EXPECT_EQ(read->evaluations[1].step, 20);
  EXPECT_EQ(read->evaluations[1].seconds, 1.0);
  EXPECT_EQ(read->evaluations[1].metrics, run.evaluations[1].metrics);
  ASSERT_EQ(read->layer_samples.size(), 1u);
  EXPECT_EQ(read->layer_samples[0].step, 5);
  EXPECT_EQ(read->layer_samples[0].gradient, run.layer_samples[0].gradient);
  EXPECT_EQ(read->layer_samples[0].update_ratio, run.layer_samples[0].update_ratio);
  EXPECT_EQ(read->layer_samples[0].weight_distance, run.layer_samples[0].weight_distance);
  ASSERT_EQ(read->triggers.size(), 1u);
  EXPECT_EQ(read->triggers[0].phase, 1);
  EXPECT_EQ(read->triggers[0].step, 12);
  ASSERT_EQ(read->ledger.phases.size(), 1u);
  const LedgerPhase &read_row = read->ledger.phases[0], &row = run.ledger.phases[0];
  EXPECT_EQ(read_row.phase, row.phase);
  EXPECT_EQ(read_row.seconds, row.seconds);
  EXPECT_TRUE(read_row.was_measured);
  EXPECT_EQ(read_row.measured.flops, row.measured.flops);
  EXPECT_EQ(read_row.measured.seconds, row.measured.seconds);
  EXPECT_EQ(read_row.measured.group_flops, row.measured.group_flops);
  EXPECT_EQ(read_row.measured.group_seconds, row.measured.group_seconds);
  EXPECT_EQ(read_row.measured.saved_bytes, 100);
  EXPECT_EQ(read_row.measured.gradient_bytes, 200);
  EXPECT_EQ(read_row.measured.optimizer_bytes, 300);
  ASSERT_EQ(read->proofs.size(), 1u);
  EXPECT_EQ(read->proofs[0].tensors, 4);
  EXPECT_EQ(read->proofs[0].sha256_end, "b");
  EXPECT_EQ(read->validation_value(), 0.75);
  EXPECT_EQ(read->never_began, run.never_began);
  EXPECT_TRUE(read->kept_is_of_earlier_phase);
}

TEST_F(JournalFile, KeepsScoresOfRegressionToTheBit) {
  ReportedRun run = full_run();
  run.test_scores = {1, 0.1F, std::nextafter(1.0F, 2.0F), -3.5F, 1e-30F};
  open().add(run);
  EXPECT_EQ(open().find_run("full", run.seed)->test_scores, run.test_scores);
}

// JSON has no such numbers; a run that diverged has them everywhere.
TEST_F(JournalFile, ReadsBackWhatIsNotFinite) {
  ReportedRun run = full_run();
  run.status = RunStatus::diverged;
  run.value = run.loss = kNaN;
  run.test = {{"loss", kInfinity}};
  run.test_scores = {0.5F, std::numeric_limits<float>::quiet_NaN()};
  run.evaluations = {{10, {{"loss", kNaN}}, 0.5}};
  run.layer_samples = {{5, kInfinity, {kInfinity, 1}, {kNaN, 2}, {kInfinity, 3}}};
  open().add(run);
  const Journal journal = open();
  const ReportedRun* read = journal.find_run("full", run.seed);
  ASSERT_NE(read, nullptr);
  EXPECT_TRUE(std::isnan(read->value));
  EXPECT_TRUE(std::isnan(read->loss));
  EXPECT_FALSE(std::isfinite(metric(read->test, "loss")));
  ASSERT_EQ(read->test_scores.size(), 2u);
  EXPECT_TRUE(std::isnan(read->test_scores[1]));
  EXPECT_FALSE(std::isfinite(metric(read->evaluations[0].metrics, "loss")));
  EXPECT_FALSE(std::isfinite(read->layer_samples[0].loss));
  EXPECT_FALSE(std::isfinite(read->layer_samples[0].gradient[0]));
  EXPECT_EQ(read->layer_samples[0].gradient[1], 1);
  EXPECT_FALSE(std::isfinite(read->layer_samples[0].update_ratio[0]));
  EXPECT_FALSE(std::isfinite(read->layer_samples[0].weight_distance[0]));
}

TEST_F(JournalFile, TellsTrialsApartByRateAndOptions) {
  const OptionMap options{{"flag", true},
                          {"r", 0.1},
                          {"every", std::string("1 \"epoch\"")},
                          {"target_modules", std::vector<std::string>{"a", "b"}},
                          {"none", std::vector<std::string>{}}};
  const double lr = 1e-3 / std::sqrt(10.0);
  open().add(TuningTrial{.strategy = "lora",
                         .lr = lr,
                         .options = options,
                         .seed = 1000000,
                         .status = RunStatus::ok,
                         .validation_loss = 0.1,
                         .validation_value = 0.9,
                         .seconds = 2});
  open().add(
      TuningTrial{.strategy = "full", .lr = 10, .status = RunStatus::diverged, .validation_loss = kNaN});
  const Journal journal = open();
  const TuningTrial* trial = journal.find_trial("lora", lr, options);
  ASSERT_NE(trial, nullptr);
  EXPECT_EQ(trial->options, options);
  EXPECT_EQ(trial->seed, 1000000u);
  EXPECT_EQ(trial->status, RunStatus::ok);
  EXPECT_EQ(trial->validation_loss, 0.1);
  EXPECT_EQ(trial->validation_value, 0.9);
  EXPECT_EQ(trial->seconds, 2);
  EXPECT_FALSE(trial->chosen);
  EXPECT_EQ(journal.find_trial("lora", std::nextafter(lr, 1), options), nullptr);
  EXPECT_EQ(journal.find_trial("lora", lr, {}), nullptr);
  EXPECT_EQ(journal.find_trial("full", lr, options), nullptr);
  ASSERT_NE(journal.find_trial("full", 10, {}), nullptr);
  EXPECT_TRUE(std::isnan(journal.find_trial("full", 10, {})->validation_loss));
}

TEST_F(JournalFile, FailuresAreTriedAgain) {
  ReportedRun run = full_run();
  run.status = RunStatus::failed;
  open().add(run);
  open().add(TuningTrial{.strategy = "full", .lr = 1, .status = RunStatus::failed});
  EXPECT_EQ(open().find_run("full", run.seed), nullptr);
  EXPECT_EQ(open().find_trial("full", 1, {}), nullptr);
}

TEST_F(JournalFile, KeepsBudgetsByCandidateAndStage) {
  TrainSection train;
  train.epochs = 2.5;
  train.steps = 17;
  train.batch_size = 3;
  train.accumulation = 4;
  train.restore_best = true;
  train.early_stopping_patience = 6;
  open().add_budget("full", "tuning", train);
  TrainSection read;
  read.lr = 0.5;
  EXPECT_FALSE(open().restore_budget("full", "report", read));
  EXPECT_FALSE(open().restore_budget("head", "tuning", read));
  EXPECT_EQ(read.batch_size, TrainSection().batch_size);
  ASSERT_TRUE(open().restore_budget("full", "tuning", read));
  EXPECT_EQ(read.epochs, 2.5);
  EXPECT_EQ(read.steps, 17);
  EXPECT_EQ(read.batch_size, 3);
  EXPECT_EQ(read.accumulation, 4);
  EXPECT_TRUE(read.restore_best);
  EXPECT_EQ(read.early_stopping_patience, 6);
  EXPECT_EQ(read.lr, 0.5) << "the rate is no part of the budget";
}

// A kill may leave any part of the last line; what is written next begins a line of its own.
TEST_F(JournalFile, ATornLastLineIsDropped) {
  ReportedRun run = full_run();
  open().add(run);
  const std::string whole = file_text(path);
  for (std::size_t length = 0; length < whole.size(); length += 37) {
    std::ofstream(path, std::ios::binary) << whole << whole.substr(0, length);
    run.seed = 5;
    open().add(run);
    const Journal journal = open();
    EXPECT_NE(journal.find_run("full", full_run().seed), nullptr) << length;
    EXPECT_NE(journal.find_run("full", 5), nullptr) << length;
  }
}

// As an editor saves, or a program that copies folders.
TEST_F(JournalFile, OneThatWasReplacedOrCutIsNoLongerUsed) {
  for (const bool is_cut : {false, true}) {
    Journal journal = open();
    journal.add(full_run());
    if (is_cut)
      std::filesystem::resize_file(path, 10);
    else
      atomic_write(path, file_text(path));
    EXPECT_NE(
        message_of<Error>([&] { journal.add(full_run()); }).find("was changed while this process used it"),
        std::string::npos);
    std::filesystem::remove(path);
  }
}

TEST_F(JournalFile, AnUnreadableLineIsNamed) {
  open().add(full_run());
  const std::string whole = file_text(path);
  for (const char* line : {"nonsense\n", "\n", "{\"run\": {}}\n", "{\"trial\": 3}\n"}) {
    std::ofstream(path, std::ios::binary) << whole << line << whole;
    const std::string message = message_of<InputError>([&] { open(); });
    expect_has(message, "the journal cannot be read (" + path + ":2); delete the line");
  }
}

TEST_F(JournalFile, RunsThatCannotBeOnTheDataAreRefused) {
  folder.write("config.toml", "");
  open().add(full_run());
  const auto message = [&](int samples, int classes) {
    return message_of<InputError>([&] { open().check_runs(samples, classes); });
  };
  EXPECT_EQ(message(3, 2), kNothingThrown);
  expect_worded(message(3, 1));
  expect_worded(message(4, 2));
  ReportedRun run = full_run();
  run.seed = 1;
  run.value = kNaN;
  open().add(run);
  expect_worded(message(3, 2));
  run.seed = 0;
  run.confusion = {{{0, -1}, 2}};
  open().add(run);
  std::string lines = file_text(path);  // without the one before
  const std::size_t second = lines.find('\n') + 1;
  folder.write("journal.jsonl", lines.erase(second, lines.find('\n', second) + 1 - second));
  expect_worded(message(3, 2));
}

TEST_F(JournalFile, WhatWasBegunStaysAsItWas) {
  open().begin({"full", "head"}, {"data", "prediction", "start"}, "2021");
  const auto message = [&](const std::vector<std::string>& names, const Journal::Identity& identity) {
    return message_of<InputError>([&] { open().begin(names, identity, "2022"); });
  };
  expect_worded(message({"full"}, {"data", "prediction", "start"}));
  expect_worded(message({"full", "head"}, {"other data", "prediction", "start"}));
  expect_worded(message({"full", "head"}, {"data", "another", "start"}));
  expect_worded(message({"full", "head"}, {"data", "prediction", "other"}));
  EXPECT_NO_THROW(open().begin({"full", "head", "lora"}, {"data", "prediction", "start"}, "2022"));
}

TEST_F(JournalFile, KnowsWhenItsFirstSessionBegan) {
  for (const char* session : {"2021", "2022", "2023"}) {
    Journal journal = open();
    journal.begin({"full"}, {"data", "", ""}, session);
    EXPECT_EQ(journal.began(), "2021");
  }
}

TEST_F(JournalFile, KeepsChoices) {
  open().add_hyperparameters("lora", {0.01, {{"r", 4.0}}});
  Journal journal = open();
  ASSERT_NE(journal.find_hyperparameters("lora"), nullptr);
  EXPECT_EQ(journal.find_hyperparameters("lora")->lr, 0.01);
  EXPECT_EQ(journal.find_hyperparameters("lora")->options, (OptionMap{{"r", 4.0}}));
  EXPECT_EQ(journal.find_hyperparameters("head"), nullptr);
}

TEST_F(JournalFile, StrategiesThatComeAfterALookAreExploratory) {
  open().begin({"full", "head"}, {"data", "", ""}, "2021");
  {
    Journal before = open();
    before.begin({"full", "head", "lora"}, {"data", "", ""}, "2021");
    EXPECT_FALSE(before.is_exploratory("lora")) << "nobody has looked yet";
  }
  open().add(full_run());
  for (int session = 0; session < 2; ++session) {
    Journal after = open();
    after.begin({"full", "head", "lora", "gradual"}, {"data", "", ""}, "2021");
    EXPECT_TRUE(after.is_exploratory("gradual"));
    EXPECT_FALSE(after.is_exploratory("full"));
    EXPECT_FALSE(after.is_exploratory("lora"));
  }
}

TEST(TestLooks, OthersLooksAtTheSameData) {
  const TemporaryFolder folder;
  const auto look = [&](const std::string& test, const std::string& by, const std::string& time) {
    record_test_evaluation({test, folder.path(by), "config " + by, time});
  };
  look("t1", "a", "2020");
  look("t2", "b", "2021");
  look("t1", "c", "2022");
  const std::vector<TestEvaluation> looks = earlier_evaluations("t1", folder.path("new"));
  ASSERT_EQ(looks.size(), 2u);
  EXPECT_EQ(looks[0].by, folder.path("a"));
  EXPECT_EQ(looks[0].config, "config a");
  EXPECT_EQ(looks[1].time, "2022");
  EXPECT_TRUE(earlier_evaluations("t1", folder.path("a")).empty())
      << "a was the first: what came later is not earlier";
  EXPECT_EQ(earlier_evaluations("t1", folder.path("c")).size(), 1u) << "one's own are no others";
  EXPECT_EQ(earlier_evaluations("t1", folder.path("c"), "2022").size(), 1u);
  EXPECT_EQ(earlier_evaluations("t1", folder.path("c"), "2023").size(), 2u)
      << "a folder that had the same name";
  EXPECT_TRUE(earlier_evaluations("t3", folder.path("new")).empty());
  EXPECT_TRUE(earlier_evaluations("t1", folder.path("elsewhere/new")).empty());
}

TEST(TestLooks, DamagedLinesArePassedOver) {
  const TemporaryFolder folder;
  const std::string good =
      nlohmann::json{{"test", "t"}, {"by", "x"}, {"config", "c"}, {"time", "now"}}.dump() + "\n";
  folder.write("test_looks.jsonl", "garbage\n\n[1, 2]\n{\"test\": 3}\n" + good +
                                       "{\"test\": \"t\"}\n\"text\"\n" + good.substr(0, 20));
  const std::vector<TestEvaluation> looks = earlier_evaluations("t", folder.path("new"));
  ASSERT_EQ(looks.size(), 2u);
  EXPECT_EQ(looks[0].by, "x");
  EXPECT_EQ(looks[1].by, "");
  // A new line must not be lost behind the torn one.
  record_test_evaluation({"t", folder.path("y"), "c", "later"});
  EXPECT_EQ(earlier_evaluations("t", folder.path("new")).back().by, folder.path("y"));
}

TEST(TestLooks, TheHashIsOfWhatIsTested) {
  const Dataset data = make_clusters({6}, 12, 3);
  Dataset other = data;
  other[0].id = 99;
  EXPECT_EQ(content_hash(other), content_hash(data));
  set_value(other, 5, 77);
  EXPECT_NE(content_hash(other), content_hash(data));
  other = data;
  other[0].label = 1;
  EXPECT_EQ(content_hash(other), content_hash(data)) << "the same samples under other names";
}

TEST(TestLooks, TimesAreIso8601) {
  const std::string now = now_utc();
  ASSERT_EQ(now.size(), 27u);
  EXPECT_EQ(now.substr(0, 2), "20");
  EXPECT_EQ(now.substr(10, 1) + now.substr(26), "TZ");
}

}  // namespace
}  // namespace thaw::test
