// The seal on the test data: what a comparison chooses, trains and says of its validation data is the same
// whatever the labels of the test data are.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

constexpr const char* kConfig = R"(
[data]
train = "train.csv"
validation = "validation.csv"
standardize = true
[model]
from = "mlp"
hidden = [8]
[train]
epochs = 4
eval_every = "1 epoch"
restore_best = true
[compare]
strategies = ["full", "head"]
seeds = 2
tune = 3
training_score = true
)";

// class-0 -> class-1 -> class-2 -> class-0
std::string with_other_labels(std::string csv) {
  for (std::size_t at = csv.find("class-"); at != std::string::npos; at = csv.find("class-", at + 1)) {
    char& digit = csv[at + 6];
    digit = static_cast<char>('0' + (digit - '0' + 1) % 3);
  }
  return csv;
}

std::string name_of(const json& run) {
  return run["strategy"].get<std::string>() + " seed " + std::to_string(run["seed"].get<int>());
}

std::vector<json> reported_runs(const std::string& folder) {
  std::vector<json> runs;
  std::istringstream journal(file_text(folder + "/journal.jsonl"));
  for (std::string line; std::getline(journal, line);)
    if (const json entry = json::parse(line); entry.contains("run")) runs.push_back(entry["run"]);
  return runs;
}

// What the models and baselines answer on the test data, however right that is, and how right they are on the
// training samples.
struct Answers {
  std::map<std::string, std::map<int, int>> test;
  std::map<std::string, double> training;
};

Answers answers_of(const std::string& folder) {
  Answers answers;
  for (const json& run : reported_runs(folder)) {
    for (const json& count : run["confusion"])
      answers.test[name_of(run)][count[1].get<int>()] += count[2].get<int>();
    answers.training[name_of(run)] = run["test"]["training_accuracy"];
  }
  return answers;
}

TEST(CliCompareSealed, NothingHangsOnTheLabelsOfTheTest) {
  const TemporaryFolder folder;
  const std::string config = folder.write("task.toml", kConfig);
  folder.write("train.csv", clusters_csv(60, 1));
  folder.write("validation.csv", clusters_csv(30, 2));
  const std::string test = clusters_csv(45, 3);
  const auto compare = [&](const std::string& name, const std::string& rows) {
    const std::string path = folder.write(name + ".csv", rows), run = folder.path(name);
    const ProgramResult result = run_program(
        {"compare", config, "--out", run, "--set", "data.test=\"" + path + "\"", "--threads", "1"});
    EXPECT_EQ(result.code, 0) << result.err;
    return run;
  };
  const std::string a = compare("a", test), b = compare("b", with_other_labels(test));
  EXPECT_EQ(without_seconds(read_csv(a + "/tuning.csv")), without_seconds(read_csv(b + "/tuning.csv")));
  const Answers of_a = answers_of(a), of_b = answers_of(b);
  ASSERT_EQ(of_a.test.size(), 8U) << "majority, probe, full and head, twice each";
  EXPECT_EQ(of_a.test, of_b.test);
  EXPECT_EQ(of_a.training, of_b.training);
  for (const char* model : {"/full/seed-0/model.safetensors", "/head/seed-1/model.safetensors"})
    EXPECT_EQ(file_text(a + model), file_text(b + model)) << model;
  EXPECT_NE(values_of(read_csv(a + "/results.csv"), "value"),
            values_of(read_csv(b + "/results.csv"), "value"))
      << "the labels were others";
}

// Tuning has a seed of its own.
TEST(CliCompareSealed, TheSeedOfTheChoiceIsNotReported) {
  const TemporaryFolder folder;
  const std::string config = folder.write("task.toml", kConfig), run = folder.path("run");
  folder.write("train.csv", clusters_csv(60, 1));
  folder.write("validation.csv", clusters_csv(30, 2));
  ASSERT_EQ(run_program({"compare", config, "--out", run, "--strategies", "full"}).code, 0);
  const auto reported = values_of(read_csv(run + "/results.csv"), "seed");
  for (const std::string& seed : values_of(read_csv(run + "/tuning.csv"), "seed"))
    EXPECT_EQ(reported.count(seed), 0U) << seed;
}

// A choice stands once the test data were looked at, whatever its trials are found to be later.
TEST(CliCompareSealed, ChoicesAreMadeOnce) {
  const TemporaryFolder folder;
  const std::string config = folder.write("task.toml", kConfig), run = folder.path("run");
  folder.write("train.csv", clusters_csv(60, 1));
  folder.write("validation.csv", clusters_csv(30, 2));
  std::vector<std::string> compare = {"compare", config, "--out",        run,
                                      "--seeds", "1",    "--strategies", "full"};
  ASSERT_EQ(run_program(compare).code, 0);
  const auto chosen = [&] {
    return values_of(rows_with(read_csv(run + "/tuning.csv"), "chosen", "true"), "lr");
  };
  const auto before = chosen();
  ASSERT_EQ(before.size(), 1U);
  std::istringstream journal(file_text(run + "/journal.jsonl"));
  std::string turned;
  for (std::string line; std::getline(journal, line);) {
    json entry = json::parse(line);
    for (const char* key : {"validation_value", "validation_loss"})
      if (entry.contains("trial")) entry["trial"][key] = -entry["trial"][key].get<double>();
    turned += entry.dump() + '\n';
  }
  folder.write("run/journal.jsonl", turned);
  compare.emplace_back("--resume");
  ASSERT_EQ(run_program(compare).code, 0);
  EXPECT_EQ(chosen(), before);
}

// Two runs on each of two subsets: of a baseline that draws nothing itself both are the same.
TEST(CliCompareSealed, RepeatsTrainOnOneSubset) {
  const TemporaryFolder folder;
  const std::string config = folder.write("task.toml", kConfig), run = folder.path("run");
  folder.write("train.csv", clusters_csv(60, 1));
  folder.write("validation.csv", clusters_csv(30, 2));
  ASSERT_EQ(run_program({"compare", config, "--out", run, "--strategies", "full", "--no-tune", "--set",
                         "compare.repeats=2", "--set", "data.samples_per_class=3"})
                .code,
            0);
  std::map<std::string, double> loss;
  for (const json& reported : reported_runs(run)) {
    EXPECT_EQ(reported["draw"].get<int>(), reported["seed"].get<int>() / 2) << name_of(reported);
    loss[name_of(reported)] = reported["loss"];
  }
  ASSERT_EQ(loss.size(), 12U);
  EXPECT_EQ(loss["probe seed 0"], loss["probe seed 1"]);
  EXPECT_EQ(loss["probe seed 2"], loss["probe seed 3"]);
  EXPECT_NE(loss["probe seed 0"], loss["probe seed 2"]);
}

}  // namespace
}  // namespace thaw::test
