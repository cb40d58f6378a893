// `thaw compare`, from a config to its tables: the protocol, leaks in the data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "finetune/plan/strategies/registry.h"
#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

using Names = std::set<std::string>;
using Strings = std::vector<std::string>;

struct CliCompare : ::testing::Test {
  ProgramResult compare(const Strings& more = {}) const {
    Strings arguments = {"compare", config, "--out", run};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  // Nothing tuned, one seed: for what is found before the first run.
  ProgramResult quick(Strings more = {}) const {
    more.insert(more.end(), {"--no-tune", "--seeds", "1", "--strategies", "full"});
    return compare(more);
  }
  void write_config(const std::string& data, const std::string& rest = "") {
    config =
        folder.write("task.toml", "[data]\n" + data + "\n[model]\nfrom = \"mlp\"\nhidden = [8]\n" + rest);
  }
  json results() const { return json::parse(file_text(run + "/results.json")); }
  json strategies() const { return results()["strategies"]; }
  std::vector<CsvRow> rows() const { return read_csv(run + "/results.csv"); }
  bool wrote_nothing() const { return !std::filesystem::exists(run); }

  TemporaryFolder folder;
  std::string table = folder.write("t.csv", clusters_csv(90, 1));
  std::string config = folder.write("task.toml", "[data]\ntrain = \"t.csv\"\n[model]\nfrom = \"mlp\"\n");
  std::string run = folder.path("run");
};

// Found after the last run, hours are lost.
TEST_F(CliCompare, AConfigWhoseNameIsNotUtf8IsCompared) {
  config = folder.write("task\xE9.toml", file_text(config));
  ASSERT_EQ(quick().code, 0);
  EXPECT_EQ(results()["name"], "task\uFFFD");
}

TEST_F(CliCompare, TwoKeysGiveTheWholeProtocol) {
  const ProgramResult result = compare();
  ASSERT_EQ(result.code, 0) << result.err;
  const std::string csv = file_text(run + "/results.csv");
  EXPECT_EQ(csv.substr(0, csv.find('\n')),
            "strategy,seed,status,lr,metric,value,loss,seconds,flops,peak_bytes,trainable,steps");
  const std::vector<CsvRow> reported = rows(), trials = read_csv(run + "/tuning.csv");
  EXPECT_EQ(values_of(reported, "strategy"), (Names{"majority", "probe", "full", "head", "gradual"}));
  EXPECT_EQ(values_of(reported, "status"), Names{"ok"});
  EXPECT_EQ(values_of(reported, "metric"), Names{"accuracy"});
  for (const std::string& name : values_of(reported, "strategy"))
    EXPECT_EQ(values_of(rows_with(reported, "strategy", name), "seed"), (Names{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(reported.size(), 25u);
  EXPECT_EQ(values_of(trials, "strategy"), (Names{"full", "head", "gradual"}));
  EXPECT_EQ(values_of(trials, "seed"), Names{"1000000"}) << "a tuning seed is not reported";
  for (const std::string name : {"full", "head", "gradual"}) {
    const double centre = 1e-3 * find_strategy(name).default_lr_scale;
    const std::vector<CsvRow> own = rows_with(trials, "strategy", name);
    const auto within = std::count_if(own.begin(), own.end(), [&](const CsvRow& row) {
      return std::abs(std::log10(std::stod(row.at("lr")) / centre)) < 1.01;
    });
    EXPECT_EQ(within, 5) << name;
    EXPECT_LE(own.size(), 7u) << name;
    const std::vector<CsvRow> chosen = rows_with(own, "chosen", "true");
    ASSERT_EQ(chosen.size(), 1u) << name;
    EXPECT_EQ(values_of(rows_with(reported, "strategy", name), "lr"), Names{chosen[0].at("lr")}) << name;
  }
  EXPECT_EQ(results()["test_evaluations"], 25) << "once per reported run";
  EXPECT_EQ(results()["stamp"], "tuned on validation data");
  EXPECT_TRUE(results()["earlier_looks"].empty());
  EXPECT_EQ(result.out.find("xploratory"), std::string::npos) << result.out;
}

TEST_F(CliCompare, AStrategyOfTheConfigThatIsNotComparedIsNamed) {
  write_config("train = \"t.csv\"", "[strategy]\nname = \"plan\"\n[[strategy.phase]]\ntrain = \"head\"\n");
  expect_has(quick().err,
             "the strategy \"plan\" of [strategy] is not compared; add it: --strategies full,plan");
  std::filesystem::remove_all(run);
  const ProgramResult result = compare({"--no-tune", "--seeds", "1", "--strategies", "full,plan"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err.find("is not compared"), std::string::npos);
  EXPECT_EQ(rows_with(rows(), "strategy", "plan").size(), 1u);
}

TEST_F(CliCompare, FullStandsInTheTableThoughNotNamed) {
  ASSERT_EQ(compare({"--no-tune", "--seeds", "2", "--strategies", "head"}).code, 0);
  EXPECT_EQ(values_of(rows(), "strategy"), (Names{"majority", "probe", "full", "head"}));
  EXPECT_EQ(results()["stamp"], "untuned: compares recipes");
  for (const json& strategy : strategies()) {
    EXPECT_EQ(strategy["difference_to_full"].is_null(), strategy["strategy"] == "full");
    EXPECT_EQ(strategy["baseline"], strategy["strategy"] == "majority" || strategy["strategy"] == "probe");
  }
}

// y = a + 2 b, which is linear: ridge regression is hard to beat.
TEST_F(CliCompare, RegressionIsJudgedByItsError) {
  std::string csv = "a,b,y\n";
  for (int i = 0; i < 60; ++i) {
    const double a = i % 7 - 3, b = i % 11 - 5;
    csv += std::to_string(a) + "," + std::to_string(b) + "," + std::to_string(a + 2 * b) + "\n";
  }
  folder.write("t.csv", csv);
  write_config("train = \"t.csv\"\nlabel = \"y\"\ntask = \"regression\"");
  const ProgramResult result = compare({"--seeds", "2", "--strategies", "full,head", "--tune", "3"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(values_of(rows(), "metric"), Names{"rmse"});
  for (const CsvRow& row : rows())
    EXPECT_NEAR(std::pow(std::stod(row.at("value")), 2), std::stod(row.at("loss")), 1e-5)
        << row.at("strategy");
  EXPECT_LT(std::stod(rows_with(rows(), "strategy", "probe")[0].at("value")), 0.05);
  EXPECT_GT(std::stod(rows_with(rows(), "strategy", "majority")[0].at("value")), 3);
  for (const json& strategy : strategies())
    EXPECT_EQ(strategy["below_probe"], strategy["baseline"] == false) << strategy;
  for (const std::string name : {"full", "head"}) {
    const std::vector<CsvRow> trials = rows_with(read_csv(run + "/tuning.csv"), "strategy", name);
    const double chosen = std::stod(rows_with(trials, "chosen", "true").at(0).at("validation_rmse"));
    for (const CsvRow& trial : trials) EXPECT_LE(chosen, std::stod(trial.at("validation_rmse"))) << name;
  }
}

TEST_F(CliCompare, APretrainedFolderIsComparedWithScratch) {
  ASSERT_EQ(run_program({"train", config, "--out", folder.path("source")}).code, 0);
  ASSERT_EQ(quick({"--set", "model.from=source", "--set", "train.lr=0.01"}).code, 0);
  EXPECT_EQ(values_of(rows(), "strategy"), (Names{"majority", "as-is", "probe", "scratch", "full"}));
  for (const json& strategy : strategies())
    EXPECT_EQ(strategy["baseline"], strategy["strategy"] != "full") << strategy;
  const CsvRow scratch = rows_with(rows(), "strategy", "scratch")[0];
  const CsvRow full = rows_with(rows(), "strategy", "full")[0];
  EXPECT_EQ(scratch.at("trainable"), full.at("trainable"));
  EXPECT_EQ(scratch.at("flops"), full.at("flops"));
  EXPECT_NE(scratch.at("loss"), full.at("loss"));
  // Scratch is what training anew gives.
  const ProgramResult anew = run_program({"train", config, "--out", folder.path("anew"), "--json", "--set",
                                          "train.lr=0.01", "--set", "data.test_fraction=0.2"});
  EXPECT_DOUBLE_EQ(json::parse(anew.out)["test"]["loss"].get<double>(), std::stod(scratch.at("loss")));
}

// Learning rates were chosen on them.
TEST_F(CliCompare, ShiftedDataThatAreValidationDataAreRefused) {
  folder.write("copy.csv", clusters_csv(60, 2));
  folder.write("v.csv", clusters_csv(60, 2));
  write_config("train = \"t.csv\"\nvalidation = \"v.csv\"\nshifted = { near = \"copy.csv\" }");
  const ProgramResult result = quick();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "copy.csv stand in");
  expect_has(result.err, "v.csv too");
  EXPECT_TRUE(wrote_nothing());
}

// Shifted data that are copies of others are judged as those are.
TEST_F(CliCompare, FurtherMetricsStandBesideTheTests) {
  folder.write("here.csv", clusters_csv(60, 2));
  folder.write("copy.csv", clusters_csv(60, 2));
  folder.write("other.csv", clusters_csv(60, 3));
  write_config(
      "train = \"t.csv\"\ntest = \"here.csv\"\nshifted = { near = \"copy.csv\", far = \"other.csv\" }",
      "[compare]\ntraining_score = true\nneighbours = 5\n");
  ASSERT_EQ(quick({"--set", "train.lr=0.01"}).code, 0);
  const json results_file = results();
  for (const json& row : results_file["runs"]) {
    const json& test = row["test"];
    EXPECT_EQ(test["near_accuracy"], test["accuracy"]) << row["strategy"];
    EXPECT_TRUE(test.contains("far_accuracy"));
    EXPECT_TRUE(test.contains("training_accuracy"));
    EXPECT_EQ(test.contains("neighbours_kept"), row["strategy"] == "full");
  }
  for (const CsvRow& row : rows()) {
    EXPECT_EQ(row.at("near_accuracy"), row.at("value"));
    EXPECT_EQ(row.at("neighbours_kept").empty(), row.at("strategy") != "full");
  }
  const ProgramResult reserved =
      quick({"--set", "data.shifted={ training = \"copy.csv\" }", "--out", folder.path("other")});
  EXPECT_EQ(reserved.code, 2);
}

TEST_F(CliCompare, BatchNormGivesTheBaselineOfItsStatistics) {
  constexpr const char* kDigits =
      "[data]\ntrain = \"builtin:digits\"\nsamples_per_class = 4\n[train]\nsteps = 3\n";
  config = folder.write("digits.toml", kDigits);
  ASSERT_EQ(run_program({"train", config, "--out", folder.path("source"), "--set", "model.from=cnn", "--set",
                         "model.width=4"})
                .code,
            0);
  config = folder.write("on.toml", std::string(kDigits) + "[model]\nfrom = \"source\"\n");
  ASSERT_EQ(quick().code, 0);
  EXPECT_EQ(values_of(rows(), "strategy"),
            (Names{"majority", "as-is", "probe", "norm-stats", "scratch", "full"}));
  const CsvRow norm = rows_with(rows(), "strategy", "norm-stats")[0];
  EXPECT_EQ(norm.at("status"), "ok");
  EXPECT_EQ(norm.at("trainable"), "0") << "its labels are the folder's: nothing is trained";
}

// A row of the table, counted from 1.
std::string row_of(const std::string& csv, int row) {
  std::istringstream lines(csv);
  std::string line;
  for (int i = 0; i <= row; ++i) std::getline(lines, line);
  return line + "\n";
}

TEST_F(CliCompare, NothingToCompareOnIsRefused) {
  write_config("train = \"t.csv\"");
  const ProgramResult no_test = quick({"--set", "data.test_fraction=0"});
  EXPECT_EQ(no_test.code, 2);
  expect_has(no_test.err, "there are no test data to compare on (" + config);
  const ProgramResult no_update = quick({"--set", "train.epochs=0"});
  EXPECT_EQ(no_update.code, 2);
  expect_has(no_update.err, "runs of no update are not compared (train.epochs = 0");
  EXPECT_TRUE(wrote_nothing());
}

TEST_F(CliCompare, ATestRowInTheTrainingFileIsNamed) {
  const std::string test = clusters_csv(30, 2);
  folder.write("t.csv", clusters_csv(90, 1) + row_of(test, 7));
  folder.write("test.csv", test);
  write_config("train = \"t.csv\"\ntest = \"test.csv\"");
  const ProgramResult result = quick();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err,
             "1 row of " + folder.path("test.csv") + " stands in " + table + " too (first: row 7 is row 91)");
  EXPECT_TRUE(wrote_nothing());
  const ProgramResult warned = quick({"--set", "data.duplicates=warn"});
  EXPECT_EQ(warned.code, 0) << warned.err;
  expect_has(warned.err, "warning: 1 row of");
  expect_has(results()["data"]["duplicates"], "1 test rows stand among the training data too");
}

TEST_F(CliCompare, OneInputUnderTwoAnswersIsSaid) {
  folder.write("t.csv", "x,label\n" + std::string("1,a\n2,b\n3,a\n4,b\n1,b\n5,a\n6,b\n7,a\n8,b\n"));
  folder.write("test.csv", "x,label\n2,a\n9,b\n");
  write_config("train = \"t.csv\"\ntest = \"test.csv\"");
  const ProgramResult result = quick();
  EXPECT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "1 row of " + table +
                             " has what an earlier row has, under another label (first: row 5 is row 1)");
  expect_has(result.err, "1 row of " + folder.path("test.csv") + " has what rows of " + table +
                             " have, under another label (first: row 1 is row 2)");
  folder.write("t.csv", "x,label\n1,1.5\n2,2.5\n3,1\n4,2\n1,7\n5,1\n6,2\n7,1\n8,2\n");
  folder.write("test.csv", "x,label\n2,3\n9,4\n");
  std::filesystem::remove_all(run);
  const ProgramResult numbers = quick({"--set", "data.task=regression"});
  EXPECT_EQ(numbers.code, 0) << numbers.err;
  expect_has(numbers.err, "have, under another target (first: row 1 is row 2)");
  EXPECT_EQ(numbers.err.find("has what an earlier row has"), std::string::npos)
      << "measured twice: " << numbers.err;
}

TEST_F(CliCompare, AValidationRowAmongTheTestRowsIsNamed) {
  const std::string test = clusters_csv(30, 2);
  folder.write("test.csv", test);
  folder.write("valid.csv", clusters_csv(30, 3) + row_of(test, 5));
  write_config("train = \"t.csv\"\ntest = \"test.csv\"\nvalidation = \"valid.csv\"");
  const ProgramResult result = quick();
  EXPECT_EQ(result.code, 2) << "choices would be made on test data";
  expect_has(result.err, folder.path("valid.csv"));
  expect_has(result.err, folder.path("test.csv"));
  EXPECT_TRUE(wrote_nothing());
}

TEST_F(CliCompare, AGroupOnTwoSidesIsNamed) {
  folder.write("t.csv", clusters_csv(90, 1, "g"));
  folder.write("test.csv", clusters_csv(20, 2, "h") + "0,0,0,g17,class-1\n");
  write_config("train = \"t.csv\"\ntest = \"test.csv\"\ngroup = \"group\"");
  const ProgramResult result = quick();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "1 group of " + folder.path("test.csv"));
  expect_has(result.err, "first: \"g17\"");
  EXPECT_TRUE(wrote_nothing());
  ASSERT_EQ(quick({"--set", "data.duplicates=warn"}).code, 0);
  const std::string groups = results()["data"]["groups"];
  EXPECT_EQ(groups.find("no group stands on two sides"), std::string::npos) << groups;
}

TEST_F(CliCompare, SplitsKeepGroupsTogether) {
  folder.write("t.csv", clusters_csv(90, 1, "g"));
  write_config("train = \"t.csv\"\ngroup = \"group\"");
  ASSERT_EQ(quick().code, 0);
  expect_has(results()["data"]["groups"], "no group stands on two sides");
}

TEST_F(CliCompare, MoreToTuneOnThanToTrainOnIsNoted) {
  write_config("train = \"t.csv\"\nlimit = 10");
  const ProgramResult result = quick();
  ASSERT_EQ(result.code, 0) << result.err;
  const std::string warning = "validation samples, more than the 10 that train";
  expect_has(result.err, warning);
  expect_has(results()["notes"].dump(), warning);
  std::filesystem::remove_all(run);
  EXPECT_EQ(quick({"--set", "data.limit=50"}).err.find("more than the"), std::string::npos);
}

TEST_F(CliCompare, NearDuplicatesAreNoted) {
  const std::string test = clusters_csv(30, 2);
  std::string near = row_of(test, 4);
  near[near.find(',') - 1] = near[near.find(',') - 1] == '5' ? '6' : '5';  // a thousandth or a few
  folder.write("t.csv", clusters_csv(90, 1) + near);
  folder.write("test.csv", test);
  write_config("train = \"t.csv\"\ntest = \"test.csv\"");
  const ProgramResult result = quick();
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "1 test row is nearly a row of the training data");
  expect_has(results()["data"]["duplicates"], "0 test rows stand among the training data too");
}

TEST_F(CliCompare, ADivergedRunIsARowAndTheExitCodeIs1) {
  const Strings options = {"--set", "train.optimizer=sgd", "--set", "train.lr=1e30"};
  const ProgramResult result = quick(options);
  EXPECT_EQ(result.code, 1);
  expect_has(result.err, "full seed 0 diverged");
  expect_has(result.err, "thaw: error: some runs diverged or failed");
  const std::vector<CsvRow> full = rows_with(rows(), "strategy", "full");
  ASSERT_EQ(full.size(), 1u);
  EXPECT_EQ(full[0].at("status"), "diverged");
  EXPECT_EQ(full[0].at("value"), "");
  EXPECT_EQ(full[0].at("loss"), "");
  EXPECT_EQ(values_of(rows_with(rows(), "strategy", "probe"), "status"), Names{"ok"});
  expect_has(result.out, "full (1 failed)");
  EXPECT_EQ(results()["test_evaluations"], 2) << "of the baselines";
  // The journal has the row.
  Strings more = options;
  more.push_back("--resume");
  const std::vector<CsvRow> before = rows();
  EXPECT_EQ(quick(more).code, 1);
  EXPECT_EQ(rows(), before);
}

// The centre of the grid diverges, its lowest rate does not.
TEST_F(CliCompare, ADivergedTrialIsNotChosen) {
  ASSERT_EQ(compare({"--seeds", "1", "--strategies", "full", "--set", "train.optimizer=sgd", "--set",
                     "compare.lr_grid=[0.01, 1e30, 1e20]"})
                .code,
            0);
  const std::vector<CsvRow> trials = read_csv(run + "/tuning.csv");
  ASSERT_EQ(trials.size(), 3u) << "never beyond the user's grid";
  EXPECT_EQ(trials[0].at("chosen"), "true");
  EXPECT_EQ(values_of(rows_with(trials, "chosen", "false"), "status"), Names{"diverged"});
  EXPECT_EQ(values_of(rows_with(rows(), "strategy", "full"), "lr"), Names{"0.01"});
}

// It has its row, and --resume may tune it again.
TEST_F(CliCompare, AStrategyWithoutATrialThatEndedWellDoesNotRun) {
  const Strings options = {"--seeds",      "1",
                           "--strategies", "full",
                           "--set",        "train.optimizer=sgd",
                           "--set",        "compare.lr_grid=[1e30, 1e20]"};
  Strings more = options;
  more.emplace_back("--resume");
  for (const Strings& session : {options, more}) {
    const ProgramResult result = compare(session);
    EXPECT_EQ(result.code, 1);
    expect_has(result.err, "full: none of its 2 trials ended well");
    EXPECT_EQ(result.err.find("that was tried"), std::string::npos);
    EXPECT_EQ(values_of(read_csv(run + "/tuning.csv"), "chosen"), Names{"false"});
    EXPECT_EQ(values_of(rows_with(rows(), "strategy", "full"), "status"), Names{"diverged"});
    EXPECT_EQ(file_text(run + "/journal.jsonl").find("\"choice\""), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(run + "/full"));
  }
}

TEST_F(CliCompare, AFolderInUseIsRefused) {
  ASSERT_EQ(quick().code, 0);
  const std::string before = file_text(run + "/results.csv");
  const ProgramResult again = quick();
  EXPECT_EQ(again.code, 2);
  expect_has(again.err, "--resume");
  EXPECT_EQ(file_text(run + "/results.csv"), before);
}

}  // namespace
}  // namespace thaw::test
