// What `thaw compare` spends: the budgets that every strategy gets alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

const std::vector<std::string> kStrategies = {"full", "head", "gradual", "lora"};

// 81 samples to train on, which batches of 16 do not divide.
constexpr const char* kConfig = R"(
[data]
train = "t.csv"
test_fraction = 0.05
validation_fraction = 0.05
[model]
from = "mlp"
hidden = [8, 6]
[train]
batch_size = 16
lr = 0.01
checkpoint_every = "never"
[compare]
strategies = ["full", "head", "gradual", "lora"]
seeds = 1
tune = 2
)";

struct CliCompareBudget : ::testing::Test {
  CliCompareBudget() { folder.write("t.csv", clusters_csv(90, 1)); }
  ProgramResult compare(const std::string& budget, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"compare", config, "--out", run, "--budget", budget};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  // With a budget of time, by a clock that counts: preload/counted_clock.cpp.
  ProgramResult compare_by_clock(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"compare", config, "--out", run, "--budget", "0.02s"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program_in(
        {"LD_PRELOAD=" THAW_PRELOAD "/counted_clock.so", "ASAN_OPTIONS=verify_asan_link_order=0"}, arguments);
  }
  CsvRow row_of(const std::string& strategy) const {
    const std::vector<CsvRow> rows = rows_with(read_csv(run + "/results.csv"), "strategy", strategy);
    EXPECT_EQ(rows.size(), 1u) << strategy;
    return rows.at(0);
  }
  std::int64_t steps_of(const std::string& strategy) const {
    return std::stoll(row_of(strategy).at("steps"));
  }
  json results() const { return json::parse(file_text(run + "/results.json")); }
  bool has_looked() const { return std::filesystem::exists(folder.path("test_looks.jsonl")); }

  TemporaryFolder folder;
  std::string config = folder.write("task.toml", kConfig);
  std::string run = folder.path("run");
};

TEST_F(CliCompareBudget, FlopsAreUsedUp) {
  for (const double budget : {2e5, 1e6}) {
    std::filesystem::remove_all(run);
    const ProgramResult result = compare("flops=" + std::to_string(budget));
    ASSERT_EQ(result.code, 0) << result.err;
    for (const std::string& strategy : kStrategies) {
      const double flops = std::stod(row_of(strategy).at("flops"));
      EXPECT_LE(flops, budget) << strategy;
      EXPECT_GE(flops, 0.8 * budget) << strategy;
    }
    EXPECT_GT(steps_of("head"), steps_of("full")) << "what is cheaper trains longer";
  }
  expect_has(results()["budget"], "of training");
}

TEST_F(CliCompareBudget, BytesBoundAStepsMemory) {
  const auto peak_of = [&](const std::string& strategy) {
    const json ledger = json::parse(file_text(run + "/" + strategy + "/seed-0/ledger.json"));
    std::int64_t most = 0;
    for (const json& phase : ledger["phases"]) {
      const json& cost = phase["measured"];
      most = std::max<std::int64_t>(most, cost["saved_bytes"].get<std::int64_t>() +
                                              cost["gradient_bytes"].get<std::int64_t>() +
                                              cost["optimizer_bytes"].get<std::int64_t>());
    }
    return most;
  };
  const std::vector<std::string> large = {"--set", "train.batch_size=64"};
  ASSERT_EQ(compare("epochs", large).code, 0);
  const std::int64_t whole = peak_of("full"), updates = steps_of("full");
  std::filesystem::remove_all(run);
  const std::int64_t budget = whole * 3 / 4;
  const ProgramResult result = compare("bytes=" + std::to_string(budget), large);
  ASSERT_EQ(result.code, 0) << result.err;
  for (const std::string& strategy : kStrategies) {
    EXPECT_LE(peak_of(strategy), budget) << strategy;
    EXPECT_GT(peak_of(strategy), 0) << strategy;
    EXPECT_EQ(steps_of(strategy), updates) << "an update has as many samples as before";
  }
}

TEST_F(CliCompareBudget, TooFewBytesForAnyStrategyAreRefused) {
  const ProgramResult result = compare("bytes=100");
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "no strategy fits the budget \"bytes=100\" (compare.budget); give it more");
  expect_has(result.err, "full is left out: an update needs");
  EXPECT_FALSE(has_looked()) << "nothing looked at the test data";
}

TEST_F(CliCompareBudget, WhatDoesNotFitIsLeftOut) {
  const ProgramResult result = compare("bytes=1200");
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "full is left out: an update needs");
  const std::set<std::string> names = values_of(read_csv(run + "/results.csv"), "strategy");
  EXPECT_EQ(names.count("full"), 0u);
  EXPECT_EQ(names.count("head"), 1u);
}

TEST_F(CliCompareBudget, SecondsMakeRunsLonger) {
  ASSERT_EQ(compare("epochs").code, 0);
  const std::int64_t before = steps_of("full");
  std::filesystem::remove_all(run);
  const ProgramResult result = compare_by_clock();
  ASSERT_EQ(result.code, 0) << result.err;
  for (const std::string& strategy : kStrategies) EXPECT_GT(steps_of(strategy), before) << strategy;
  // Elsewhere a measure of time is not the same twice: a comparison that goes on keeps what it found.
  const std::vector<CsvRow> rows = read_csv(run + "/results.csv");
  std::string kept;
  std::istringstream journal(file_text(run + "/journal.jsonl"));
  for (std::string line; std::getline(journal, line);)
    if (!json::parse(line).contains("run")) kept += line + "\n";
  folder.write("run/journal.jsonl", kept);
  ASSERT_EQ(compare_by_clock({"--resume"}).code, 0);
  EXPECT_EQ(without_seconds(read_csv(run + "/results.csv")), without_seconds(rows));
}

// A checkpoint waits for the disk: of a run that a budget stretches to thousands of epochs that was most of
// it.
TEST_F(CliCompareBudget, ShortRunsWriteNoCheckpoints) {
  const ProgramResult result = compare_by_clock({"--set", "train.checkpoint_every=1 steps"});
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "training takes about 0.004 minutes in 12 runs; evaluations");
  for (const std::string& strategy : kStrategies) {
    EXPECT_TRUE(std::filesystem::exists(run + "/" + strategy + "/seed-0/run.json")) << strategy;
    EXPECT_FALSE(std::filesystem::exists(run + "/" + strategy + "/seed-0/checkpoints")) << strategy;
  }
}

TEST_F(CliCompareBudget, ConvergenceEndsRunsThatGainNothing) {
  const std::vector<std::string> options = {
      "--set", "train.lr=0.3", "--set", "train.epochs=20", "--set", "train.early_stopping_patience=2"};
  const ProgramResult result = compare("convergence", options);
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(results()["budget"], "no gain in 2 evaluations");
  for (const std::string& strategy : kStrategies) {
    EXPECT_GT(steps_of(strategy), 0) << strategy;
    EXPECT_LT(steps_of(strategy), 200 * 6) << strategy << " should not have needed all of it";
  }
}

// What is said of a plan is said at the length that the budget gives it.
TEST_F(CliCompareBudget, PlansAreLookedAtInTheLengthOfTheBudget) {
  const std::vector<std::string> two_epochs = {
      "--no-tune",      "--strategies", "full,chain-thaw",    "--set",
      "train.epochs=1", "--set",        "train.batch_size=60"};
  const char* warning = "chain-thaw: phase";
  expect_has(compare("epochs", two_epochs).err, warning);
  run = folder.path("longer");
  const ProgramResult longer = compare("flops=1e9", two_epochs);
  ASSERT_EQ(longer.code, 0) << longer.err;
  EXPECT_EQ(longer.err.find(warning), std::string::npos) << longer.err;
}

TEST_F(CliCompareBudget, ConvergenceNeedsValidationData) {
  const ProgramResult result = compare("convergence", {"--no-tune", "--set", "data.validation_fraction=0"});
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "no evaluations on validation data to see convergence on");
  EXPECT_FALSE(std::filesystem::exists(run));
}

TEST_F(CliCompareBudget, AnUnknownBudgetIsRefused) {
  const ProgramResult result = compare("60 minutes");
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "the budget \"60 minutes\" is unknown");
  EXPECT_FALSE(std::filesystem::exists(run));
}

}  // namespace
}  // namespace thaw::test
