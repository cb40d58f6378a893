// A comparison that was interrupted anywhere ends, when it is resumed, with the numbers of one that was not.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr const char* kConfig = R"(
[data]
train = "t.csv"
samples_per_class = 12
[model]
from = "mlp"
hidden = [8]
dropout = 0.1
[train]
epochs = 4
batch_size = 16
checkpoint_every = "20 steps"
[compare]
strategies = ["full", "lora"]
seeds = 2
tune = 2
lr_grid = [0.01, 0.003]
)";

struct CliCompareResume : ::testing::Test {
  CliCompareResume() { folder.write("t.csv", clusters_csv(90, 1)); }
  std::vector<std::string> arguments(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"compare", config, "--out", run});
    return more;
  }
  ProgramResult compare(const std::vector<std::string>& more = {}) const {
    return run_program(arguments(more));
  }
  ProgramResult resume(std::vector<std::string> more = {}) const {
    more.emplace_back("--resume");
    return compare(more);
  }
  // As a kill before the run's end leaves it: the journal does not know it.
  void forget_run(const std::string& strategy) {
    std::string journal = file_text(run + "/journal.jsonl");
    const std::size_t line = journal.find(R"({"run":{"strategy":")" + strategy);
    ASSERT_NE(line, std::string::npos);
    folder.write("run/journal.jsonl", journal.erase(line, journal.find('\n', line) + 1 - line));
    ASSERT_TRUE(fs::remove(run + "/" + strategy + "/seed-0/run.json"));
  }
  void move_files() {
    fs::create_directories(folder.path("moved"));
    fs::rename(folder.path("t.csv"), folder.path("moved/t.csv"));
    fs::rename(config, folder.path("moved/task.toml"));
    fs::rename(run, folder.path("moved/run"));
    config = folder.path("moved/task.toml");
    run = folder.path("moved/run");
  }
  json results() const { return json::parse(file_text(run + "/results.json")); }
  json strategies() const { return results()["strategies"]; }
  void remember() {
    rows = without_seconds(read_csv(run + "/results.csv"));
    trials = without_seconds(read_csv(run + "/tuning.csv"));
  }
  void expect_remembered(const std::string& where) const {
    EXPECT_EQ(without_seconds(read_csv(run + "/results.csv")), rows) << where;
    EXPECT_EQ(without_seconds(read_csv(run + "/tuning.csv")), trials) << where;
  }
  TemporaryFolder folder;
  std::string config = folder.write("task.toml", kConfig);
  std::string run = folder.path("run");
  std::vector<CsvRow> rows, trials;
};

TEST_F(CliCompareResume, TheJournalMayEndAnywhere) {
  ASSERT_EQ(compare().code, 0);
  remember();
  EXPECT_EQ(rows.size(), 8u);
  const std::string whole = folder.path("whole"), journal = file_text(run + "/journal.jsonl");
  fs::rename(run, whole);
  std::vector<std::size_t> cuts = {0};
  for (std::size_t at = 0; (at = journal.find('\n', at)) != std::string::npos; ++at) cuts.push_back(at + 1);
  ASSERT_GE(cuts.size(), 1u + 2 * 2 + 8 + 1);
  const std::size_t boundaries = cuts.size();
  for (std::size_t i = 1; i < boundaries; i += 4) cuts.push_back((cuts[i - 1] + cuts[i]) / 2);
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    fs::remove_all(run);
    fs::copy(whole, run, fs::copy_options::recursive);
    for (const char* name : {"results.csv", "results.json", "tuning.csv", "report.html"})
      fs::remove(run + "/" + name);
    folder.write("run/journal.jsonl", journal.substr(0, cuts[i]));
    // Some of the runs were never begun, some did not come to their end.
    if (i % 3 == 1) fs::remove_all(run + "/lora");
    if (i % 3 == 2) fs::remove(run + "/full/seed-1/run.json");
    const std::string where =
        "cut at byte " + std::to_string(cuts[i]) + " of " + std::to_string(journal.size());
    const ProgramResult result = resume();
    ASSERT_EQ(result.code, 0) << where << '\n' << result.err;
    expect_remembered(where);
  }
}

// What the journal does not know of may have looked at the test data: it counts.
TEST_F(CliCompareResume, LooksThatTheJournalLostAreCounted) {
  ASSERT_EQ(compare().code, 0);
  EXPECT_EQ(results()["test_evaluations"], 8);
  const std::string journal = file_text(run + "/journal.jsonl");
  const std::size_t line = journal.rfind('\n', journal.rfind("{\"run\":{\"strategy\":\"lora\"")) + 1;
  const std::size_t next = journal.find('\n', line) + 1;
  ASSERT_GT(line, 0u);
  folder.write("run/journal.jsonl", journal.substr(0, line) + journal.substr(next));
  ASSERT_EQ(resume().code, 0);
  EXPECT_EQ(results()["test_evaluations"], 9);
}

TEST_F(CliCompareResume, AFinishedComparisonIsReadFromItsJournal) {
  ASSERT_EQ(compare().code, 0);
  const std::string before = file_text(run + "/results.csv");
  for (const char* strategy : {"full", "lora"}) fs::remove_all(run + "/" + strategy);
  ASSERT_EQ(resume().code, 0);
  EXPECT_EQ(file_text(run + "/results.csv"), before) << "seconds too";
  EXPECT_FALSE(fs::exists(run + "/full")) << "nothing ran";
}

// It would be written over, and a run of it that this comparison does not know of deleted.
TEST_F(CliCompareResume, WhatIsNoComparisonIsNotResumed) {
  fs::create_directories(run + "/full/seed-0");
  folder.write("run/full/seed-0/run.json", "{}");
  const std::string mine = folder.write("run/full/seed-0/mine.txt", "x");
  const ProgramResult foreign = resume();
  EXPECT_EQ(foreign.code, 2);
  expect_has(foreign.err, "the folder holds no comparison that could be resumed, but something else (" + run);
  EXPECT_EQ(file_text(mine), "x");
  fs::remove_all(run);
  ASSERT_EQ(compare().code, 0);
  const ProgramResult train = run_program({"train", config, "--out", run, "--resume"});
  EXPECT_EQ(train.code, 2);
  expect_has(train.err, "holds no run of `thaw train` that could be resumed");
}

TEST_F(CliCompareResume, KillsChangeNothing) {
  const std::vector<std::string> longer = {"--set", "train.epochs=60"};
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(compare(longer).code, 0);
  const auto length = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  remember();
  fs::remove_all(run);
  std::mt19937_64 random(1);
  int killed = 0;
  for (int i = 0; i < 6; ++i) {
    const milliseconds delay(random() % (static_cast<std::uint64_t>(length.count()) / 4 + 10));
    std::vector<std::string> more = longer;
    more.emplace_back("--resume");
    const ProgramResult result = run_program_and_signal(arguments(more), delay, SIGKILL);
    ASSERT_TRUE(result.code == 0 || result.code == -SIGKILL) << result.code << '\n' << result.err;
    killed += result.code == -SIGKILL ? 1 : 0;
  }
  EXPECT_GT(killed, 0);
  ASSERT_EQ(resume(longer).code, 0);
  expect_remembered("after kills");
}

TEST_F(CliCompareResume, AnInterruptionSaysHowToGoOn) {
  const std::vector<std::string> longer = {"--set", "train.epochs=60"};
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(compare(longer).code, 0);
  const auto length = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  remember();
  ProgramResult result;
  // Of a machine whose speed varies.
  for (const int part : {2, 4, 3, 8}) {
    fs::remove_all(run);
    result = run_program_and_signal(arguments(longer), length / part, SIGINT);
    if (result.code == 130 && fs::exists(run)) break;
  }
  ASSERT_EQ(result.code, 130) << result.err;
  expect_has(result.err, "interrupted; go on with: thaw compare " + config + " --out " + run + " --resume");
  EXPECT_EQ(results()["interrupted"], true);
  for (const json& strategy : strategies()) EXPECT_TRUE(strategy["difference_to_full"].is_null());
  ASSERT_EQ(resume(longer).code, 0);
  EXPECT_EQ(results()["interrupted"], false);
  expect_remembered("after an interruption");
}

TEST_F(CliCompareResume, AStrategyThatIsAddedIsExploratory) {
  ASSERT_EQ(compare().code, 0);
  remember();
  const ProgramResult result = resume({"--strategies", "full,lora,head"});
  ASSERT_EQ(result.code, 0) << result.err;
  // A strategy below the probe, if there is one, has the first footnote.
  const bool is_first = result.out.find("[1] exploratory:") != std::string::npos;
  const std::string mark = is_first ? " [1]" : " [2]";
  expect_has(result.out, mark + " exploratory:");
  const auto row_of = [&](const std::string& strategy) {
    const std::size_t begin = result.out.find("\n" + strategy + " ") + 1;
    return result.out.substr(begin, result.out.find('\n', begin) - begin);
  };
  expect_has(row_of("head"), mark);
  EXPECT_EQ(row_of("lora").find(mark), std::string::npos);
  for (const json& strategy : strategies())
    EXPECT_EQ(strategy["exploratory"], strategy["strategy"] == "head") << strategy;
  std::vector<CsvRow> others = without_seconds(read_csv(run + "/results.csv"));
  EXPECT_EQ(std::erase_if(others, [](const CsvRow& row) { return row.at("strategy") == "head"; }), 2u);
  EXPECT_EQ(others, rows);
  EXPECT_TRUE(results()["earlier_looks"].empty()) << "one's own evaluation is no other's";
  // It stays so.
  ASSERT_EQ(resume({"--strategies", "full,lora,head"}).code, 0);
  EXPECT_EQ(results()["strategies"].back()["exploratory"], true);
}

// How many there are was then chosen with results in sight, which is said, and stays said.
TEST_F(CliCompareResume, SeedsMayBeAdded) {
  ASSERT_EQ(compare().code, 0);
  remember();
  for (int session = 0; session < 2; ++session) {
    const ProgramResult result = resume({"--seeds", "3"});
    ASSERT_EQ(result.code, 0) << result.err;
    expect_has(result.err, "1 of 3 seeds were added when results were known");
    std::vector<CsvRow> earlier = without_seconds(read_csv(run + "/results.csv"));
    EXPECT_EQ(std::erase_if(earlier, [](const CsvRow& row) { return row.at("seed") == "2"; }), 4u);
    EXPECT_EQ(earlier, rows);
  }
  expect_has(resume().err, "the run was begun with `seeds = 3`, this config has `seeds = 2`");
  // As one that had them from the start.
  const std::vector<CsvRow> added = without_seconds(read_csv(run + "/results.csv"));
  const std::string whole = folder.path("whole");
  ASSERT_EQ(run_program({"compare", config, "--out", whole, "--seeds", "3"}).code, 0);
  EXPECT_EQ(without_seconds(read_csv(whole + "/results.csv")), added);
  folder.write("run/config.toml", "seeds = many\n");
  EXPECT_EQ(resume({"--seeds", "3"}).code, 2);
}

// What is refused changes nothing, or the folder could not go on as it was begun either.
TEST_F(CliCompareResume, ARefusedSessionLeavesTheConfig) {
  ASSERT_EQ(compare({"--no-tune", "--seeds", "2"}).code, 0);
  const std::string before = file_text(run + "/config.toml");
  const ProgramResult refused = resume({"--no-tune", "--seeds", "3", "--strategies", "full"});
  EXPECT_EQ(refused.code, 2);
  expect_has(refused.err, "which is missing now");
  EXPECT_EQ(file_text(run + "/config.toml"), before);
  EXPECT_EQ(resume({"--no-tune", "--seeds", "2"}).code, 0);
}

TEST_F(CliCompareResume, WithoutItsConfigNothingIsAdded) {
  ASSERT_EQ(compare({"--no-tune", "--seeds", "2"}).code, 0);
  std::filesystem::remove(run + "/config.toml");
  const ProgramResult refused = resume({"--no-tune", "--seeds", "2", "--set", "train.batch_size=4"});
  EXPECT_EQ(refused.code, 2);
  expect_has(refused.err, "but no config.toml that says what they were made with (" + run);
  EXPECT_FALSE(std::filesystem::exists(run + "/config.toml"));
}

// The grid has two rates: the best one is at an edge.
TEST_F(CliCompareResume, NotesOnTheEdgeOfTheRatesStay) {
  const auto edges = [&] {
    std::vector<std::string> notes;
    const json all = results();
    for (const std::string note : all["notes"])
      if (note.find("that was tried") != std::string::npos) notes.push_back(note);
    return notes;
  };
  ASSERT_EQ(compare().code, 0);
  const std::vector<std::string> before = edges();
  EXPECT_EQ(before.size(), 2u);
  ASSERT_EQ(resume().code, 0);
  EXPECT_EQ(edges(), before);
}

// The first comparison's folder had the same name: its evaluation is no own one, now and when this one goes on.
TEST_F(CliCompareResume, WhatIsExploratoryStaysSo) {
  const std::vector<std::string> quick = {"--no-tune", "--seeds", "1"};
  std::vector<std::string> other = quick;
  other.insert(other.end(), {"--set", "train.lr=0.02"});
  ASSERT_EQ(compare(quick).code, 0);
  fs::remove_all(run);
  ASSERT_EQ(compare(other).code, 0);
  const json looks = results()["earlier_looks"];
  ASSERT_EQ(looks.size(), 1u);
  ASSERT_EQ(resume(other).code, 0);
  EXPECT_EQ(results()["earlier_looks"], looks);
}

TEST_F(CliCompareResume, AnotherConfigIsRefused) {
  ASSERT_EQ(compare({"--no-tune", "--seeds", "2"}).code, 0);
  const std::string before = file_text(run + "/results.csv");
  const auto refused = [&](const std::vector<std::string>& options, const std::string& line) {
    const ProgramResult result = resume(options);
    EXPECT_EQ(result.code, 2);
    expect_has(result.err, line);
    expect_has(result.err, run + "/config.toml");
    EXPECT_EQ(file_text(run + "/results.csv"), before);
  };
  refused({"--no-tune", "--seeds", "2", "--set", "train.lr=0.5"}, "this config has `lr = 0.5`");
  refused({"--no-tune", "--seeds", "1"}, "begun with `seeds = 2`, this config has `seeds = 1`");
  refused({"--no-tune", "--seeds", "2", "--budget", "flops=1e6"}, "`budget = \"flops=1e6\"`");
}

// What the files hold counts, not where they stand.
TEST_F(CliCompareResume, GoesOnWhereTheFilesWereMovedTo) {
  const std::vector<std::string> quick = {"--no-tune", "--seeds", "1"};
  ASSERT_EQ(compare(quick).code, 0);
  const auto before = without_seconds(read_csv(run + "/results.csv"));
  move_files();
  const ProgramResult result = resume(quick);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(without_seconds(read_csv(run + "/results.csv")), before);
  folder.write("moved/t.csv", clusters_csv(90, 2));
  expect_has(resume(quick).err, "the data are not those");
  fs::rename(folder.path("moved/t.csv"), folder.path("moved/other.csv"));
  folder.write("moved/task.toml", "[data]\ntrain = \"other.csv\"\n[model]\nfrom = \"mlp\"\n");
  expect_has(resume(quick).err, "this config has `");
}

// Its config and its checkpoints name the folder that was.
TEST_F(CliCompareResume, ARunThatWasUnderWayWhenTheFilesWereMovedBeginsAnew) {
  const std::vector<std::string> quick = {"--no-tune", "--seeds", "1"};
  ASSERT_EQ(compare(quick).code, 0);
  const auto before = without_seconds(read_csv(run + "/results.csv"));
  forget_run("lora");
  move_files();
  const ProgramResult result = resume(quick);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(without_seconds(read_csv(run + "/results.csv")), before);
}

// Whose config names the strategies that there were.
TEST_F(CliCompareResume, ARunThatWasUnderWayGoesOnBesideOneMoreStrategy) {
  ASSERT_EQ(compare({"--no-tune", "--seeds", "1"}).code, 0);
  const auto before = without_seconds(read_csv(run + "/results.csv"));
  forget_run("lora");
  const ProgramResult result = resume({"--no-tune", "--seeds", "1", "--strategies", "full,lora,head"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto after = without_seconds(read_csv(run + "/results.csv"));
  ASSERT_EQ(after.size(), before.size() + 1);
  for (const CsvRow& row : before) EXPECT_NE(std::find(after.begin(), after.end(), row), after.end());
}

// Strategies that started from different weights would be compared.
TEST_F(CliCompareResume, OtherStartingWeightsAreRefused) {
  const auto make_base = [&](const std::string& seed) {
    fs::remove_all(folder.path("base"));
    return run_program({"train", config, "--out", folder.path("base"), "--set", "train.seed=" + seed}).code;
  };
  ASSERT_EQ(make_base("1"), 0);
  config = folder.write("from.toml", "[data]\ntrain = \"t.csv\"\n[model]\nfrom = \"base\"\n");
  const std::vector<std::string> little = {"--no-tune", "--seeds", "1", "--strategies", "full"};
  ASSERT_EQ(compare(little).code, 0);
  ASSERT_EQ(resume(little).code, 0);
  const std::string from = std::exchange(config, folder.path("task.toml"));
  ASSERT_EQ(make_base("2"), 0);
  config = from;
  const ProgramResult result = resume(little);
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "the model that training starts from");
}

TEST_F(CliCompareResume, AMissingFolderBegins) {
  const std::string said = "nothing to resume in " + run + ": begins anew";
  const ProgramResult result = resume({"--no-tune", "--seeds", "1"});
  ASSERT_EQ(result.code, 0);
  expect_has(result.err, said);
  EXPECT_EQ(read_csv(run + "/results.csv").size(), 4u);
  EXPECT_EQ(resume({"--no-tune", "--seeds", "1"}).err.find(said), std::string::npos);
}

}  // namespace
}  // namespace thaw::test
