// A kill while a comparison clears the folder of a run leaves any part of it: --resume goes on from each.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "finetune/run/run_folder.h"
#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = R"(
[data]
train = "t.csv"
[model]
from = "mlp"
hidden = [4]
[train]
epochs = 2
batch_size = 16
checkpoint_every = "1 steps"
[compare]
strategies = ["full"]
seeds = 1
tune = 0
)";

struct Cleared : ::testing::Test {
  Cleared() { folder.write("t.csv", clusters_csv(60, 1)); }
  ProgramResult compare(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"compare", config, "--out", run};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  std::vector<CsvRow> rows() const { return without_seconds(read_csv(run + "/results.csv")); }
  // As a kill between the run's end and its line in the journal leaves it.
  void forget_run() const {
    std::string journal = file_text(run + "/journal.jsonl");
    const std::size_t line = journal.find(R"({"run":{"strategy":"full")");
    ASSERT_NE(line, std::string::npos);
    folder.write("run/journal.jsonl", journal.erase(line, journal.find('\n', line) + 1 - line));
  }
  std::vector<fs::path> files_of_run() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(run + "/full/seed-0"))
      files.push_back(fs::relative(entry.path(), run));
    std::sort(files.begin(), files.end());
    return files;
  }
  TemporaryFolder folder;
  std::string config = folder.write("task.toml", kConfig);
  std::string run = folder.path("run"), whole = folder.path("whole");
};

TEST_F(Cleared, AnyPartOfARunIsGoneOnFrom) {
  ASSERT_EQ(compare().code, 0);
  const std::vector<CsvRow> expected = rows();
  forget_run();
  std::vector<fs::path> files = files_of_run();
  ASSERT_GE(files.size(), 7U);
  fs::rename(run, whole);
  std::mt19937_64 random(1);
  for (int order = 0; order < 3; ++order) {
    if (order == 1) std::reverse(files.begin(), files.end());
    if (order == 2) std::shuffle(files.begin(), files.end(), random);
    for (std::size_t removed = 0; removed <= files.size(); ++removed) {
      fs::remove_all(run);
      fs::copy(whole, run, fs::copy_options::recursive);
      std::string gone;
      for (std::size_t i = 0; i < removed; ++i) {
        fs::remove_all(fs::path(run) / files[i]);
        gone += files[i].filename().string() + ' ';
      }
      const ProgramResult result = compare({"--resume"});
      ASSERT_EQ(result.code, 0) << "without " << gone << '\n' << result.err;
      EXPECT_EQ(rows(), expected) << "without " << gone;
      EXPECT_TRUE(fs::exists(run + "/full/seed-0/run.json")) << "without " << gone;
    }
  }
}

// What was under way when the kill came is finished by the next session, and its test evaluation counts.
TEST_F(Cleared, WhatWasBeingRemovedGoesAndCounts) {
  ASSERT_EQ(compare().code, 0);
  forget_run();
  fs::rename(run + "/full/seed-0", run + "/full/seed-0.removed");
  fs::remove(run + "/full/seed-0.removed/config.toml");
  ASSERT_EQ(compare({"--resume"}).code, 0);
  EXPECT_FALSE(fs::exists(run + "/full/seed-0.removed"));
  expect_has(file_text(run + "/results.json"), "\"test_evaluations\": 4");
}

TEST_F(Cleared, RemovingTakesAnotherNameFirst) {
  const std::string path = folder.path("a");
  fs::create_directories(path + "/b");
  fs::create_directories(path + ".removed/old");
  remove_folder(path);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_FALSE(fs::exists(path + ".removed"));
  remove_folder(path);  // nothing is there
}

TEST_F(Cleared, CheckpointsThatWereBeingRemovedGo) {
  const std::string path = folder.path("a");
  fs::create_directories(path + "/checkpoints.removed/old");
  folder.write("a/config.toml", "");
  const RunFolder opened(path, true);
  EXPECT_FALSE(fs::exists(path + "/checkpoints.removed"));
  EXPECT_TRUE(fs::exists(path + "/config.toml"));
}

TEST_F(Cleared, UnfinishedFoldersOfDeadProcessesGo) {
  const std::string merged = folder.path("merged");
  const std::string dead = merged + ".unfinished-999999999", alive = merged + ".unfinished-1",
                    other = merged + ".unfinished-x";
  for (const std::string& path : {dead, alive, other}) fs::create_directories(path);
  write_folder(merged, [](const std::string& to) { fs::create_directories(to + "/in"); });
  EXPECT_TRUE(fs::exists(merged + "/in"));
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(alive)) << "its process may still write";
  EXPECT_TRUE(fs::exists(other)) << "no process of thaw made it";
}

}  // namespace
}  // namespace thaw::test
