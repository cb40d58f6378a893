// Several processes work on one comparison: what one has begun the others leave to it, what a dead one had begun another
// does, and the results are those of one process.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kConfig = R"(
[data]
train = "t.csv"
samples_per_class = 12
[model]
from = "mlp"
hidden = [64, 64]
[train]
epochs = 40
batch_size = 8
checkpoint_every = "20 steps"
[compare]
strategies = ["full", "head", "gradual"]
seeds = 3
tune = 3
)";

struct CliWorkers : ::testing::Test {
  CliWorkers() { folder.write("t.csv", clusters_csv(90, 1)); }
  std::vector<std::string> arguments(const std::string& out, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"compare", config, "--out", folder.path(out), "--threads", "1"});
    return more;
  }
  void wait_for(const std::string& file) const {
    while (!fs::exists(folder.path(file))) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void expect_same(const std::string& a, const std::string& b) const {
    for (const char* name : {"/results.csv", "/tuning.csv"})
      EXPECT_EQ(without_seconds(read_csv(folder.path(a + name))),
                without_seconds(read_csv(folder.path(b + name))));
  }
  // How often each trial and each run stands in the journal.
  std::map<std::string, int> counts(const std::string& out) const {
    std::map<std::string, int> found;
    std::istringstream lines(file_text(folder.path(out + "/journal.jsonl")));
    for (std::string line; std::getline(lines, line);) {
      const json entry = json::parse(line);
      if (entry.contains("trial"))
        ++found["trial " + entry["trial"]["strategy"].get<std::string>() + entry["trial"]["lr"].dump()];
      if (entry.contains("run"))
        ++found["run " + entry["run"]["strategy"].get<std::string>() + entry["run"]["seed"].dump()];
    }
    return found;
  }
  std::size_t workers_of(const std::string& out) const {
    std::map<std::string, int> found;
    std::istringstream lines(file_text(folder.path(out + "/journal.jsonl")));
    for (std::string line; std::getline(lines, line);)
      if (const json entry = json::parse(line); entry.contains("worker")) ++found[entry["worker"]];
    return found.size();
  }

  TemporaryFolder folder;
  std::string config = folder.write("task.toml", kConfig);
};

TEST_F(CliWorkers, ThreeProcessesOfWhichOneIsKilled) {
  ASSERT_EQ(run_program(arguments("alone")).code, 0);
  auto first = std::async(std::launch::async, [&] { return run_program(arguments("shared")); });
  wait_for("shared/config.toml");
  auto second =
      std::async(std::launch::async, [&] { return run_program(arguments("shared", {"--resume"})); });
  // As soon as it has written to the journal, such as that it has taken a run.
  const ProgramResult killed =
      run_program_and_signal(arguments("shared", {"--resume"}), folder.path("shared/journal.jsonl"), SIGKILL);
  const ProgramResult one = first.get(), two = second.get();
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_EQ(killed.code, -SIGKILL) << killed.err;
  expect_same("alone", "shared");
  EXPECT_GE(workers_of("shared"), 2U);
  for (const auto& [what, times] : counts("shared")) EXPECT_EQ(times, 1) << what;
  EXPECT_EQ(counts("shared").size(), counts("alone").size());
  EXPECT_FALSE(fs::exists(folder.path("shared/.lock")));
}

TEST_F(CliWorkers, TheProgramStartsThemItself) {
  ASSERT_EQ(run_program(arguments("alone")).code, 0);
  const ProgramResult shared = run_program(arguments("shared", {"--workers", "3"}));
  EXPECT_EQ(shared.code, 0) << shared.err;
  expect_same("alone", "shared");
  EXPECT_GE(workers_of("shared"), 2U);
  for (const auto& [what, times] : counts("shared")) EXPECT_EQ(times, 1) << what;
  for (const char* log : {"worker-2.log", "worker-3.log"})
    EXPECT_TRUE(fs::exists(folder.path(std::string("shared/") + log)));
  EXPECT_EQ(run_program(arguments("shared", {"--workers", "0"})).code, 2);
}

TEST_F(CliWorkers, AStudysCellsAreShared) {
  folder.write("task.toml", std::string(kConfig) +
                                "[[axis]]\nname = \"labels\"\nvalues = [ { name = \"few\", "
                                "data.samples_per_class = 8 }, { name = \"many\" } ]\n");
  ASSERT_EQ(run_program(arguments("alone")).code, 0);
  const ProgramResult shared = run_program(arguments("shared", {"--workers", "3"}));
  EXPECT_EQ(shared.code, 0) << shared.err;
  for (const char* log : {"worker-2.log", "worker-3.log"}) {
    const std::string said = file_text(folder.path(std::string("shared/") + log));
    EXPECT_EQ(said.find("error"), std::string::npos) << said;
  }
  for (const char* cell : {"/few", "/many"}) {
    expect_same(std::string("alone") + cell, std::string("shared") + cell);
    for (const auto& [what, times] : counts(std::string("shared") + cell))
      EXPECT_EQ(times, 1) << cell << ' ' << what;
  }
}

TEST_F(CliWorkers, WhoeverDoesNotResumeIsRefused) {
  auto first = std::async(std::launch::async, [&] { return run_program(arguments("shared")); });
  wait_for("shared/config.toml");
  EXPECT_EQ(run_program(arguments("shared")).code, 2);
  EXPECT_EQ(run_program({"train", config, "--out", folder.path("shared"), "--resume"}).code, 2);
  EXPECT_EQ(first.get().code, 0);
}

}  // namespace
}  // namespace thaw::test
