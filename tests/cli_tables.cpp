// Tables as people have them, from the file to a prediction: categories, missing values, targets in their own unit.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/config_run.h"
#include "tests/support/files.h"
#include "tests/support/json_lines.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

// The label follows from a word, or from a number that may be missing.
struct CliTables : ::testing::Test {
  TemporaryFolder folder;
  std::string run = folder.path("run");
  std::string config = folder.write(
      "t.toml",
      "[data]\ntrain = \"t.csv\"\ntest = \"u.csv\"\ncategories = \"auto\"\nmissing = \"median\"\n"
      "standardize = true\n[train]\nepochs = 60\nlr = 0.01\n");

  CliTables() {
    folder.write("t.csv", table(120, 0));
    folder.write("u.csv", table(30, 1));
  }
  static std::string table(int rows, int offset) {
    const char* words[] = {"north", "south, far", "\"west\""};
    std::string text = "region,member,size,label\n";
    for (int row = 0; row < rows; ++row) {
      const int i = row * 7 + offset, region = i % 3;
      std::string word = words[region];
      if (region == 2) word = "\"\"west\"\"";
      text += "\"" + word + "\"," + (i % 2 ? "yes" : "No") + "," +
              (i % 5 ? std::to_string(i % 40 * 100 + row) : "") + "," + (region == 1 ? "in" : "out") + "\n";
    }
    return text;
  }
  ProgramResult predict(const std::string& table) const {
    return run_program({"predict", "--model", run, "--input", folder.write("n.csv", table)});
  }
};

TEST_F(CliTables, WhatIsLearntOfColumnsIsKeptForPredictAndEval) {
  const ProgramResult trained = run_program({"train", config, "--out", run});
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "columns of categories: \"region\" (3)");
  expect_has(trained.err, "columns of true and false: \"member\"");
  expect_has(trained.err, "missing values: \"size\" (24)");
  const json evaluated = json::parse(run_program({"eval", config, "--model", run}).out);
  EXPECT_EQ(evaluated.at("split"), "test");
  EXPECT_NEAR(evaluated.at("loss").get<double>(),
              json::parse(file_text(run + "/run.json")).at("test").at("loss").get<double>(), 1e-9);
  EXPECT_EQ(evaluated.at("accuracy"), 1.0);
  // By name, whatever the order; a new word and a missing one are none of the categories, and that is said.
  const ProgramResult predicted =
      predict("size,region,member,more\n1000,north,yes,1\n,\"south, far\",NO,2\n5,east,true,3\n");
  const std::vector<json> lines = json_lines(predicted.out);
  ASSERT_EQ(lines.size(), 3u) << predicted.err;
  EXPECT_EQ(lines[0]["label"], "out");
  EXPECT_EQ(lines[1]["label"], "in");
  expect_has(predicted.err, "1 cell of \"region\" with words that no training row has (first: \"east\")");
  // What it does not know is refused with its place.
  for (const char* table : {"size,region,member\nlarge,north,yes\n", "size,region,member\n1,north,perhaps\n",
                            "size,member\n1,yes\n", "size,region,member\n1e99,north,no\n"}) {
    const ProgramResult refused = predict(table);
    EXPECT_EQ(refused.code, 2) << table;
    expect_worded(refused.err);
  }
}

// A folder that somebody changed: one line, no other features than the weights are for.
TEST_F(CliTables, AFolderWhoseEncodingDoesNotFitIsRefused) {
  ASSERT_EQ(run_program({"train", config, "--out", run, "--set", "train.epochs=0"}).code, 0);
  const json kept = json::parse(file_text(run + "/preprocess.json"));
  const auto refused = [&](const char* pointer, const json& value) {
    json changed = kept;
    changed[json::json_pointer(pointer)] = value;
    folder.write("run/preprocess.json", changed.dump());
    const ProgramResult result = predict("size,region,member\n1000,north,yes\n");
    EXPECT_EQ(result.code, 2) << pointer;
    std::istringstream lines(result.err);
    std::string line;
    while (std::getline(lines, line) && !line.starts_with("thaw: error:")) {
    }
    expect_worded(line);
  };
  refused("/encoding/columns/0/categories", {"north"});
  refused("/encoding/columns/2/marks_missing", false);
  refused("/encoding/columns/0/kind", "number");
  refused("/encoding", 3);
  refused("/encoding/columns", json::array());
  refused("/target_deviation", 0);
}

TEST_F(CliTables, EvalOfASplitPartTreatsItAlike) {
  const std::string own = folder.write(
      "s.toml",
      "[data]\ntrain = \"t.csv\"\ntest_fraction = 0.3\ncategories = \"auto\"\nmissing = \"median\"\n"
      "standardize = true\n[train]\nepochs = 20\nlr = 0.01\n");
  ASSERT_EQ(run_program({"train", own, "--out", run}).code, 0);
  const json evaluated = json::parse(run_program({"eval", own, "--model", run}).out);
  EXPECT_NEAR(evaluated.at("loss").get<double>(),
              json::parse(file_text(run + "/run.json")).at("test").at("loss").get<double>(), 1e-9);
}

TEST_F(CliTables, AComparisonTakesThemAndResumes) {
  const std::vector<std::string> arguments = {"compare",
                                              config,
                                              "--seeds",
                                              "2",
                                              "--no-tune",
                                              "--out",
                                              run,
                                              "--set",
                                              "compare.strategies=[\"full\", \"head\"]",
                                              "--set",
                                              "data.limit=40",
                                              "--set",
                                              "train.epochs=3",
                                              "--set",
                                              "data.duplicates=warn"};
  const ProgramResult first = run_program(arguments);
  ASSERT_EQ(first.code, 0) << first.err;
  std::vector<std::string> again = arguments;
  again.push_back("--resume");
  EXPECT_EQ(run_program(again).code, 0);
  const json kept = json::parse(file_text(run + "/full/seed-0/preprocess.json"));
  EXPECT_EQ(kept.at("columns"), (json{"region", "member", "size"}));
  EXPECT_EQ(kept.at("encoding").at("columns").at(0).at("categories"),
            (json{"\"west\"", "north", "south, far"}));
}

// ---- targets of regression

struct CliTargets : ::testing::Test {
  TemporaryFolder folder;
  std::string run = folder.path("run");
  static constexpr const char* kConfig =
      "[data]\ntrain = \"t.csv\"\ntask = \"regression\"\nlabel = \"y\"\nvalidation_fraction = 0\n"
      "[model]\nhidden = []\n[train]\nepochs = 300\nbatch_size = 0\nlr = 0.1\nweight_decay = 0\n";

  CliTargets() {  // y = 1e6 + 2e4 x
    std::string table = "x,y\n";
    for (int i = 0; i < 20; ++i)
      table += std::to_string(i / 10.0 - 1) + "," + std::to_string(1000000 + 2000 * (i - 10)) + "\n";
    folder.write("t.csv", table);
  }
};

TEST_F(CliTargets, AreLearntStandardisedAndToldInTheirOwnUnit) {
  const ConfigRun with = train(folder, kConfig, {"data.standardize_target=true", "data.test=t.csv"}, "run");
  ASSERT_EQ(with.error, "");
  EXPECT_TRUE(with.said("losses and metrics are in the target's own unit"));
  EXPECT_FALSE(with.said("they take long to learn"));
  EXPECT_NEAR(with.preprocess.at("target_mean").get<double>(), 999000, 1e-6);
  // Of the first update, before anything is learnt, about the targets' variance: 2000^2 (20^2 - 1) / 12.
  EXPECT_GT(with.losses().front(), 1e7);
  EXPECT_LT(with.report.at("test").at("rmse").get<double>(), 100);
  EXPECT_NEAR(with.report.at("test").at("loss").get<double>(),
              std::pow(with.report.at("test").at("rmse").get<double>(), 2), 1e-3);
  EXPECT_GT(with.report.at("test").at("r2").get<double>(), 0.999);
  const std::string config =
      folder.write("e.toml", std::string(kConfig).replace(0, 7, "[data]\ntest = \"t.csv\"\n"));
  const json evaluated = json::parse(run_program({"eval", config, "--model", run}).out);
  EXPECT_NEAR(evaluated.at("rmse").get<double>(), with.report.at("test").at("rmse").get<double>(), 1e-6);
  const ProgramResult predicted =
      run_program({"predict", "--model", run, "--input", folder.write("n.csv", "x\n0\n1\n")});
  const std::vector<json> lines = json_lines(predicted.out);
  ASSERT_EQ(lines.size(), 2u) << predicted.err;
  EXPECT_NEAR(lines[0].at("value").get<double>(), 1000000, 300);
  EXPECT_NEAR(lines[1].at("value").get<double>(), 1020000, 300);
}

TEST_F(CliTargets, AreThoseOfTheModelOnNewData) {
  ASSERT_EQ(train(folder, kConfig, {"data.standardize_target=train"}, "run").error, "");
  folder.write("new.csv", "x,y\n0,1000000\n1,1020000\n");
  const Settings start = {"model.from=run", "data.train=new.csv", "train.epochs=0",
                          "data.validation=new.csv"};
  const ConfigRun tuned = train(folder, kConfig, start, "tuned");
  ASSERT_EQ(tuned.error, "");
  EXPECT_NEAR(tuned.preprocess.at("target_mean").get<double>(), 999000, 1e-6) << "not of the two new rows";
  EXPECT_LT(tuned.validation("rmse"), 300) << "the head is kept and means the same";
  const ConfigRun other = train(folder, kConfig, start + Settings{"data.standardize_target=false"}, "other");
  EXPECT_TRUE(other.said("the model was trained on standardised targets"));
  EXPECT_FALSE(other.preprocess.contains("target_mean"));
}

TEST_F(CliTargets, OfClassesAreNone) {
  const ConfigRun refused =
      train(folder, kConfig, {"data.task=classification", "data.standardize_target=true"}, "run");
  expect_worded(refused.error);
}

TEST_F(CliTargets, BaselinesAreInTheSameUnit) {
  const ConfigComparison compared =
      compare(folder, kConfig,
              {"data.standardize_target=true", "compare.strategies=[\"full\"]", "compare.seeds=2",
               "compare.tune=0", "data.validation_fraction=0.2"});
  ASSERT_EQ(compared.error, "");
  for (const CsvRow& row : compared.rows) {
    const double rmse = std::stod(row.at("value"));
    if (row.at("strategy") == "majority")
      EXPECT_GT(rmse, 5000);
    else
      EXPECT_LT(rmse, 1000) << row.at("strategy");
  }
}

}  // namespace
}  // namespace thaw::test
