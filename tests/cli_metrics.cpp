// compare.metric from config to tables, what is refused of it, monitors, class weights and `eval --json`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

using Strings = std::vector<std::string>;

// Two classes of unequal size, not quite apart.
std::string two_classes(int rows) {
  std::string csv = "x,y,label\n";
  for (int i = 0; i < rows; ++i) {
    const bool spam = i % 5 == 0;
    csv += std::to_string(i * 37 % 101 / 50.0 + (spam ? 1 : 0)) + "," + std::to_string(i * 53 % 89 / 44.0) +
           "," + (spam ? "spam" : "ham") + "\n";
  }
  return csv;
}

struct CliMetrics : ::testing::Test {
  std::string write_config(const std::string& more = "") const {
    return folder.write("task.toml",
                        "[data]\ntrain = \"t.csv\"\n[model]\nfrom = \"mlp\"\nhidden = [8]\n" + more);
  }
  ProgramResult compare(const std::string& metric, const Strings& more = {}) const {
    std::filesystem::remove_all(run);
    Strings arguments = {"compare",      config,      "--out",  run, "--seeds", "2",
                         "--strategies", "full,head", "--tune", "2", "--set",   "compare.metric=" + metric};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  std::string error_of(const std::string& set, const Strings& more = {}) const {
    Strings arguments = {"train", config, "--out", run, "--set", set};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_FALSE(std::filesystem::exists(run));
    return result.err;
  }

  TemporaryFolder folder;
  std::string table = folder.write("t.csv", two_classes(150));
  std::string config = write_config();
  std::string run = folder.path("run");
};

TEST_F(CliMetrics, CompareJudgesByAnyMetricOfClasses) {
  for (const char* name : {"macro_f1", "balanced_accuracy", "auc", "loss", "calibration_error"}) {
    const ProgramResult result = compare(name);
    ASSERT_EQ(result.code, 0) << result.err;
    const bool lower = std::string(name) == "loss" || std::string(name) == "calibration_error";
    const json results = json::parse(file_text(run + "/results.json"));
    EXPECT_EQ(results["metric"], name);
    EXPECT_EQ(results["higher_is_better"], !lower);
    EXPECT_NE(result.out.find("test " + std::string(name)), std::string::npos) << result.out;
    EXPECT_EQ(result.out.find("is better.") != std::string::npos, lower) << result.out;
    for (const json& r : results["runs"]) EXPECT_EQ(r["value"], r["test"][name]) << name << r;
    for (const json& strategy : results["strategies"])
      EXPECT_EQ(strategy["difference_to_full"].is_null(), strategy["strategy"] == "full") << name << strategy;
    // The chosen trial is the best one of the metric.
    for (const char* strategy : {"full", "head"}) {
      const auto trials = rows_with(read_csv(run + "/tuning.csv"), "strategy", strategy);
      const std::string column = std::string("validation_") + name;
      const double chosen = std::stod(rows_with(trials, "chosen", "true").at(0).at(column));
      for (const CsvRow& trial : trials)
        EXPECT_TRUE(lower ? chosen <= std::stod(trial.at(column)) : chosen >= std::stod(trial.at(column)))
            << name;
    }
    EXPECT_NE(file_text(run + "/report.html").find("samples of each class by answer, 2 runs together"),
              std::string::npos);
  }
}

TEST_F(CliMetrics, CompareJudgesByAnyMetricOfNumbers) {
  std::string csv = "a,b,label\n";
  for (int i = 0; i < 90; ++i) {
    const double a = i % 7 - 3, b = i % 11 - 5;
    csv += std::to_string(a) + "," + std::to_string(b) + "," + std::to_string(a + b + i % 3) + "\n";
  }
  folder.write("t.csv", csv);
  for (const char* name : {"r2", "mae"}) {
    const ProgramResult result = compare(name, {"--set", "data.task=regression"});
    ASSERT_EQ(result.code, 0) << result.err;
    const json results = json::parse(file_text(run + "/results.json"));
    EXPECT_EQ(results["metric"], name);
    for (const json& r : results["runs"]) EXPECT_EQ(r["value"], r["test"][name]) << r;
    EXPECT_EQ(file_text(run + "/report.html").find("id=\"confusion\""), std::string::npos);
  }
}

TEST_F(CliMetrics, AMetricThatDoesNotFitIsRefusedInOneLine) {
  const auto refused = [&](const std::string& metric, const Strings& more, const std::string& words) {
    const ProgramResult result = compare(metric, more);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_FALSE(std::filesystem::exists(run));
  };
  refused("r2", {}, "no metric of classification is called \"r2\"");
  refused("acuracy", {}, "did you mean \"accuracy\"?");
  refused("auc", {"--set", "data.train=builtin:digits"},
          "compare.metric asks for auc, which the test data leave undefined: there are 10 classes, not two");
  folder.write("one.csv", "x,y,label\n1,2,ham\n2,2,ham\n3,1,ham\n");
  refused("auc", {"--set", "data.test=one.csv"}, "no sample has the class \"spam\"");
  refused("auc", {"--set", "data.shifted={other=\"one.csv\"}"},
          "which the shifted data \"other\" leave undefined");
  refused("accuracy", {"--set", "data.shifted={balanced=\"one.csv\"}"}, "would be called balanced_accuracy");
}

TEST_F(CliMetrics, MonitorsAreCheckedBeforeARun) {
  EXPECT_NE(error_of("train.monitor=validation_auc", {"--set", "data.train=builtin:digits"})
                .find("train.monitor asks for auc, which the validation data leave undefined"),
            std::string::npos);
  EXPECT_NE(error_of("train.monitor=validation_r2").find("classification does not give"), std::string::npos);
  const ProgramResult result =
      run_program({"train", config, "--out", run, "--set", "train.monitor=validation_auc", "--set",
                   "train.restore_best=true", "--set", "train.epochs=2"});
  EXPECT_EQ(result.code, 0) << result.err;
}

// Not when the run has ended and is judged.
TEST_F(CliMetrics, TrainChecksWhatItWillBeJudgedBy) {
  EXPECT_NE(error_of("compare.metric=auc",
                     {"--set", "data.train=builtin:digits", "--set", "data.test_fraction=0.2"})
                .find("compare.metric asks for auc"),
            std::string::npos);
}

TEST_F(CliMetrics, ClassWeightsAreReadSaidAndWritten) {
  EXPECT_NE(error_of("train.class_weight={spma=3}").find("\"spma\", which is no class"), std::string::npos);
  EXPECT_NE(error_of("train.class_weight={spam=-1}").find("train.class_weight.\"spam\" = -1 is out of range"),
            std::string::npos);
  EXPECT_NE(error_of("train.class_weight=balancd").find("did you mean \"balanced\"?"), std::string::npos);
  EXPECT_NE(error_of("train.class_weight=3").find("train.class_weight = 3 is no weights"), std::string::npos);
  EXPECT_NE(error_of("train.class_weight={spam=0,ham=0}").find("no training sample"), std::string::npos);
  EXPECT_NE(error_of("train.class_weight=balanced", {"--set", "data.task=regression"})
                .find("train.class_weight is for classification"),
            std::string::npos);
  const ProgramResult result =
      run_program({"train", config, "--out", run, "--set", "train.class_weight=balanced"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("class weights: ham 0.625, spam 2.5"), std::string::npos) << result.err;
  EXPECT_NE(file_text(run + "/config.toml").find("class_weight = \"balanced\"\n"), std::string::npos);
  // Read again; and a table is written as one.
  const std::string again = folder.path("again");
  const ProgramResult second = run_program(
      {"train", run + "/config.toml", "--out", again, "--set", "train.class_weight={spam=3,ham=0.5}"});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_NE(file_text(again + "/config.toml").find("class_weight = { \"ham\" = 0.5, \"spam\" = 3.0 }\n"),
            std::string::npos);
  EXPECT_EQ(run_program({"plan", run + "/config.toml"}).code, 0);
}

TEST_F(CliMetrics, EvalHasTheConfusionOfEveryClass) {
  ASSERT_EQ(run_program({"train", config, "--out", run}).code, 0);
  const ProgramResult result = run_program({"eval", config, "--model", run, "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json found = json::parse(result.out);
  EXPECT_EQ(found["classes"], json({"ham", "spam"}));
  const json& rows = found["confusion"];
  EXPECT_EQ(rows[0][0].get<int>() + rows[0][1].get<int>(), 24);
  EXPECT_EQ(rows[1][0].get<int>() + rows[1][1].get<int>(), 6);
  EXPECT_EQ(found["per_class"][1]["support"], 6);
  EXPECT_NEAR(found["accuracy"].get<double>(), (rows[0][0].get<int>() + rows[1][1].get<int>()) / 30.0, 1e-12);
  // Without --json it stays short.
  EXPECT_EQ(run_program({"eval", config, "--model", run}).out.find("confusion"), std::string::npos);
  folder.write("one.csv", "x,y,label\n1,2,ham\n2,2,ham\n3,1,ham\n");
  const ProgramResult one =
      run_program({"eval", config, "--model", run, "--set", "data.test=one.csv", "--json"});
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_TRUE(json::parse(one.out)["auc"].is_null());
  EXPECT_NE(one.err.find("auc is undefined: no sample has the class \"spam\""), std::string::npos) << one.err;
}

TEST_F(CliMetrics, HelpNamesThem) {
  const std::string help = run_program({"help", "config"}).out;
  for (const char* words : {"class_weight", "metric ", "balanced_accuracy, auc, calibration_error"})
    EXPECT_NE(help.find(words), std::string::npos) << words;
}

}  // namespace
}  // namespace thaw::test
