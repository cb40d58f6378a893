// `thaw compare` on a study: a comparison in each cell, and what they say of the predictions together.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kStudy = R"(
[data]
train = "t.csv"
[model]
from = "mlp"
hidden = [8]
[train]
lr = 0.01
checkpoint_every = "never"
[compare]
strategies = ["full", "head", "gradual", "bitfit"]
seeds = 1
tune = 0
[[axis]]
name = "smoothing"
values = [
  { name = "none", compare.predict = ["head"], compare.prediction = "the features are good" },
  { name = "much", train.label_smoothing = 0.5, compare.predict = ["gradual", "bitfit"] },
]
[[axis]]
name = "part"
random = true
values = [
  { name = "p0", data.split_seed = 0 },
  { name = "p1", data.split_seed = 1, when.much = { train.epochs = 1 } },
]
)";

struct CliStudy : ::testing::Test {
  CliStudy() { folder.write("t.csv", clusters_csv(90, 1)); }
  ProgramResult compare(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"compare", config, "--out", run});
    return run_program(more);
  }
  json study() const { return json::parse(file_text(run + "/study.json")); }
  // The mean of a strategy in a cell, as study.csv has it.
  double mean_of(const std::string& smoothing, const std::string& part, const std::string& strategy) const {
    const auto cell =
        rows_with(rows_with(read_csv(run + "/study.csv"), "smoothing", smoothing), "part", part);
    return std::stod(rows_with(cell, "strategy", strategy).at(0).at("mean"));
  }
  // Predicted strategies less the mean of the others; full and the baselines are no rivals. Intervals
  // are over the values of the random axis.
  void expect_contrasts() const {
    const json results = study();
    std::vector<double> none, much;
    for (const char* part : {"p0", "p1"}) {
      none.push_back(mean_of("none", part, "head") -
                     (mean_of("none", part, "gradual") + mean_of("none", part, "bitfit")) / 2);
      much.push_back((mean_of("much", part, "gradual") + mean_of("much", part, "bitfit")) / 2 -
                     mean_of("much", part, "head"));
    }
    ASSERT_EQ(results["rows"].size(), 2u);
    EXPECT_EQ(results["rows"][0]["value"], "none");
    EXPECT_EQ(results["rows"][0]["predicted"], json({"head"}));
    EXPECT_EQ(results["rows"][0]["why"], "the features are good");
    const auto expect_mean = [](const json& contrast, double first, double second) {
      EXPECT_EQ(contrast["units"], 2);
      EXPECT_NEAR(contrast["mean"].get<double>(), (first + second) / 2, 1e-12);
      const double half = 12.7062047361747 * std::abs(first - second) / 2;  // Student's t of one degree
      EXPECT_NEAR(contrast["high"].get<double>(), (first + second) / 2 + half, 1e-9);
    };
    expect_mean(results["rows"][0]["contrast"], none[0], none[1]);
    expect_mean(results["rows"][1]["contrast"], much[0], much[1]);
    expect_mean(results["contrast"], (none[0] + much[0]) / 2, (none[1] + much[1]) / 2);
  }

  TemporaryFolder folder;
  std::string config = folder.write("study.toml", kStudy);
  std::string run = folder.path("run");
};

const std::vector<std::string> kCells = {"none.p0", "none.p1", "much.p0", "much.p1"};

TEST_F(CliStudy, EveryCellIsAComparisonAndPredictionsAreJudgedOverAll) {
  const ProgramResult result = compare();
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(study()["cells"], kCells);
  for (const std::string& cell : kCells) {
    for (const char* name : {"results.csv", "results.json", "journal.jsonl", "full/seed-0/run.json"})
      EXPECT_TRUE(fs::exists(run + "/" + cell + "/" + name)) << cell << ' ' << name;
    const json results = json::parse(file_text(run + "/" + cell + "/results.json"));
    EXPECT_TRUE(results["earlier_looks"].empty()) << "cells of one study are no others: " << cell;
  }
  const std::vector<CsvRow> rows = read_csv(run + "/study.csv");
  EXPECT_EQ(rows.size(), 4u * 6);
  EXPECT_EQ(values_of(rows, "strategy"),
            (std::set<std::string>{"majority", "probe", "full", "head", "gradual", "bitfit"}));
  // What an axis changes, alone and together with another.
  const auto has = [&](const std::string& cell, const std::string& line) {
    return file_text(run + "/" + cell + "/config.toml").find(line + "\n") != std::string::npos;
  };
  for (const std::string& cell : kCells) {
    EXPECT_EQ(has(cell, "label_smoothing = 0.5"), cell.starts_with("much")) << cell;
    EXPECT_EQ(has(cell, "split_seed = 1"), cell.ends_with("p1")) << cell;
    EXPECT_EQ(has(cell, "epochs = 1.0") || has(cell, "epochs = 1"), cell == "much.p1") << cell;
  }
  // A row of the study is one of its cells'.
  for (const CsvRow& row : read_csv(run + "/much.p1/results.csv"))
    EXPECT_DOUBLE_EQ(mean_of("much", "p1", row.at("strategy")), std::stod(row.at("value")));
  expect_contrasts();
  expect_has(result.out, "test accuracy, mean over the 2 cells of a row\n");
  const std::string page = file_text(run + "/report.html");
  expect_has(page, ">full</text>");
  EXPECT_EQ(page.find(">majority</text>"), std::string::npos);
}

TEST_F(CliStudy, WhatCellsHaveInCommonIsSaidOnce) {
  const ProgramResult result = compare();
  for (const char* line : {"none: predicted head before gradual, bitfit: the features are good (sha256 ",
                           "much: predicted gradual, bitfit before head (sha256 "}) {
    EXPECT_LT(result.err.find(line), result.err.find("none.p0: ")) << result.err;
    EXPECT_EQ(result.err.find(line), result.err.rfind(line)) << result.err;
  }
  EXPECT_EQ(result.err.find("samples split off"), std::string::npos) << result.err;
  expect_has(file_text(run + "/much.p1/report.html"), "samples split off");
}

TEST_F(CliStudy, PredictionsAreHashedBeforeTheFirstRun) {
  const auto hash_of = [&](const std::string& text) {
    folder.write("study.toml", text);
    fs::remove_all(run);
    const ProgramResult result = compare();
    EXPECT_EQ(result.code, 0) << result.err;
    std::string hash = study()["prediction_sha256"];
    const std::size_t said = result.err.find("predictions of 4 cells: sha256 " + hash);
    EXPECT_LT(said, result.err.find(" of ")) << result.err;
    return hash;
  };
  const std::string text = kStudy, hash = hash_of(text);
  EXPECT_EQ(hash.size(), 64u);
  std::string other = text;
  other.replace(other.find("good"), 4, "goof");
  EXPECT_NE(hash_of(other), hash);
}

TEST_F(CliStudy, GoesOnWhereItWas) {
  ASSERT_EQ(compare().code, 0);
  const auto rows = without_seconds(read_csv(run + "/study.csv"));
  const json before = study();
  fs::remove_all(run + "/none.p1");
  fs::remove(run + "/much.p0/results.csv");
  const std::string kept = file_text(run + "/much.p1/results.csv");
  for (const char* name : {"study.csv", "study.json"}) fs::remove(run + "/" + name);
  ASSERT_EQ(compare().code, 2) << "without --resume the folder is taken";
  const ProgramResult result = compare({"--resume"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(without_seconds(read_csv(run + "/study.csv")), rows);
  EXPECT_EQ(study(), before);
  EXPECT_EQ(file_text(run + "/much.p1/results.csv"), kept);
  EXPECT_TRUE(fs::exists(run + "/none.p1/results.csv"));
  EXPECT_TRUE(fs::exists(run + "/much.p0/results.csv"));
  for (const std::string& cell : kCells) {
    const json results = json::parse(file_text(run + "/" + cell + "/results.json"));
    EXPECT_TRUE(results["earlier_looks"].empty()) << "of this study in an earlier session: " << cell;
  }
}

// Else a prediction could be changed when the first cells are known.
TEST_F(CliStudy, NoCellMayChangeOnTheWay) {
  std::string text = kStudy;
  ASSERT_EQ(compare().code, 0);
  fs::remove_all(run + "/much.p1");
  text.replace(text.find("[\"gradual\", \"bitfit\"] }"), 23, "[\"gradual\"] }");
  folder.write("study.toml", text);
  const ProgramResult result = compare({"--resume"});
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "this config has `predict = [\"gradual\"]`");
  EXPECT_FALSE(fs::exists(run + "/much.p1"));
}

// What is refused changes nothing, or the study could not go on as it was begun either.
TEST_F(CliStudy, ARefusedSessionLeavesTheCells) {
  ASSERT_EQ(compare().code, 0);
  const std::string before = file_text(run + "/cells.txt");
  const ProgramResult refused = compare({"--resume", "--seeds", "7", "--strategies",
                                         "full,head,gradual,bitfit", "--set", "data.test_fraction=0.3"});
  EXPECT_EQ(refused.code, 2) << refused.err;
  EXPECT_EQ(file_text(run + "/cells.txt"), before);
  EXPECT_EQ(compare({"--resume"}).code, 0);
}

TEST_F(CliStudy, AnotherStudyOnTheSameDataIsALaterLook) {
  ASSERT_EQ(compare().code, 0);
  const std::string first = run, hash = study()["prediction_sha256"];
  run = folder.path("second");
  ASSERT_EQ(compare().code, 0);
  EXPECT_EQ(study()["prediction_sha256"], hash);
  for (const std::string& cell : kCells) {
    const json looks = json::parse(file_text(run + "/" + cell + "/results.json"))["earlier_looks"];
    ASSERT_FALSE(looks.empty()) << cell;
    for (const json& look : looks) expect_has(look, first + " on ");
  }
}

TEST_F(CliStudy, CellsCompareTheSameStrategies) {
  const std::string text = kStudy;
  folder.write("study.toml", text +
                                 "\n[[axis]]\nname = \"third\"\nvalues = [ { name = \"x\" }, { name = "
                                 "\"y\", compare.strategies = [\"head\", \"gradual\", \"bitfit\"] } ]\n");
  const ProgramResult result = compare();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "the cells of a study compare the same strategies, but none.p0.y has others");
  EXPECT_FALSE(fs::exists(run));
}

TEST_F(CliStudy, AReasonWithoutAPredictionIsNamedWithItsCell) {
  std::string text = kStudy;
  const std::string head = "compare.predict = [\"head\"], ";
  text.erase(text.find(head), head.size());
  folder.write("study.toml", text);
  const ProgramResult result = compare();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "in the cell none.p0: compare.prediction says why");
  EXPECT_FALSE(fs::exists(run));
}

TEST_F(CliStudy, CellsHaveOneTask) {
  std::string text = kStudy;
  const std::string much = "train.label_smoothing = 0.5";
  text.replace(text.find(much), much.size(), "data.task = \"regression\"");
  folder.write("study.toml", text);
  const ProgramResult result = compare();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err,
             "the cells of a study have one metric, but much.p0 has another task or metric than none.p0");
  EXPECT_FALSE(fs::exists(run));
}

// Errors count the other way round; what adapts nothing or diverges is no rival and judges nothing.
TEST_F(CliStudy, AnErrorThatIsSmallerIsBetterAndWhatFailsIsNotJudged) {
  std::string table = "a,b,label\n";
  for (int i = 0; i < 60; ++i)
    table += std::to_string(i % 7) + "," + std::to_string(i % 5) + "," + std::to_string(i % 7 - i % 5) + "\n";
  folder.write("t.csv", table);
  std::string text = kStudy;
  const auto replace = [&](const std::string& what, const std::string& by) {
    text.replace(text.find(what), what.size(), by);
  };
  replace("train = \"t.csv\"", "train = \"t.csv\"\ntask = \"regression\"");
  replace("\"gradual\", \"bitfit\"", "\"bitfit\", \"lora\"");
  replace("{ name = \"much\", train.label_smoothing = 0.5, compare.predict = [\"gradual\", \"bitfit\"] }",
          "{ name = \"much\", model.hidden = [], train.lr = 1e30, compare.predict = [\"bitfit\"] }");
  folder.write("study.toml", text);
  const ProgramResult result = compare();
  EXPECT_EQ(result.code, 1) << "diverged runs";
  expect_has(result.err, "lora is left out");
  expect_has(result.err,
             "lora has not all of its runs in every cell: the map of the strategies leaves it out");
  const json results = study();
  const json& contrast = results["rows"][0]["contrast"];
  double mean = 0;
  for (const char* part : {"p0", "p1"})
    mean += ((mean_of("none", part, "bitfit") + mean_of("none", part, "lora")) / 2 -
             mean_of("none", part, "head")) /
            2;
  ASSERT_NE(mean, 0);
  EXPECT_NEAR(contrast["mean"].get<double>(), mean, 1e-12) << "head is better by what its error is smaller";
  EXPECT_TRUE(results["rows"][1]["contrast"].is_null());
  EXPECT_TRUE(results["contrast"].is_null()) << "what is left would be cells that nobody chose";
  expect_has(result.out, "not judged: 2 cells lack a run that the prediction is about");
  for (const char* row : {"none", "much"}) {
    const json& all = results["rows"][row == std::string("none") ? 0 : 1]["strategies"];
    EXPECT_EQ(all["bitfit"]["metric"].is_null(), row == std::string("much"))
        << "no mean of what did not end well";
  }
}

TEST_F(CliStudy, ABadAxisIsNamedWithItsPlace) {
  folder.write("study.toml", "[[axis]]\nname = \"n\"\nvalues = [ { name = \"a b\" } ]\n");
  const ProgramResult result = compare();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "is no plain word");
  expect_has(result.err, "study.toml:3");
  EXPECT_FALSE(fs::exists(run));
}

}  // namespace
}  // namespace thaw::test
