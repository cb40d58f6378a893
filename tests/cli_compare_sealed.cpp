// The seal on the test data: what a comparison chooses, trains and says of its validation data is the same
// whatever the labels of the test data are.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/compare_run.h"
#include "tests/support/program.h"

namespace thaw {
namespace {

using nlohmann::json;
using testing::file_text;
using testing::read_csv;

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
)";

// class-0 -> class-1 -> class-2 -> class-0
std::string with_other_labels(std::string csv) {
  for (std::size_t at = csv.find("class-"); at != std::string::npos; at = csv.find("class-", at + 1)) {
    char& digit = csv[at + 6];
    digit = static_cast<char>('0' + (digit - '0' + 1) % 3);
  }
  return csv;
}

// What the strategy's model, or the baseline, answers on the test data, however right that is.
std::map<std::string, std::map<int, int>> answers_of(const std::string& run) {
  std::map<std::string, std::map<int, int>> answers;
  std::istringstream journal(file_text(run + "/journal.jsonl"));
  for (std::string line; std::getline(journal, line);) {
    const json entry = json::parse(line);
    if (!entry.contains("run")) continue;
    const json& reported = entry["run"];
    const std::string name =
        reported["strategy"].get<std::string>() + " seed " + std::to_string(reported["seed"].get<int>());
    for (const json& count : reported["confusion"]) answers[name][count[1].get<int>()] += count[2].get<int>();
  }
  return answers;
}

TEST(CliCompareSealed, NothingHangsOnTheLabelsOfTheTest) {
  const testing::TemporaryFolder folder;
  const std::string config = folder.write("task.toml", kConfig);
  folder.write("train.csv", testing::clusters_csv(60, 1));
  folder.write("validation.csv", testing::clusters_csv(30, 2));
  const std::string test = testing::clusters_csv(45, 3);
  const auto compare = [&](const std::string& name, const std::string& rows) {
    const std::string path = folder.write(name + ".csv", rows), run = folder.path(name);
    const testing::ProgramResult result = testing::run_program(
        {"compare", config, "--out", run, "--set", "data.test=\"" + path + "\"", "--threads", "1"});
    EXPECT_EQ(result.code, 0) << result.err;
    return run;
  };
  const std::string a = compare("a", test), b = compare("b", with_other_labels(test));
  EXPECT_EQ(testing::without_seconds(read_csv(a + "/tuning.csv")),
            testing::without_seconds(read_csv(b + "/tuning.csv")));
  const auto answers = answers_of(a);
  ASSERT_EQ(answers.size(), 8U) << "majority, probe, full and head, twice each";
  EXPECT_EQ(answers, answers_of(b));
  for (const char* model : {"/full/seed-0/model.safetensors", "/head/seed-1/model.safetensors"})
    EXPECT_EQ(file_text(a + model), file_text(b + model)) << model;
  EXPECT_NE(values_of(read_csv(a + "/results.csv"), "value"),
            values_of(read_csv(b + "/results.csv"), "value"))
      << "the labels were others";
}

// Tuning has a seed of its own.
TEST(CliCompareSealed, TheSeedOfTheChoiceIsNotReported) {
  const testing::TemporaryFolder folder;
  const std::string config = folder.write("task.toml", kConfig), run = folder.path("run");
  folder.write("train.csv", testing::clusters_csv(60, 1));
  folder.write("validation.csv", testing::clusters_csv(30, 2));
  ASSERT_EQ(testing::run_program({"compare", config, "--out", run, "--strategies", "full"}).code, 0);
  const auto reported = testing::values_of(read_csv(run + "/results.csv"), "seed");
  for (const std::string& seed : testing::values_of(read_csv(run + "/tuning.csv"), "seed"))
    EXPECT_EQ(reported.count(seed), 0U) << seed;
}

}  // namespace
}  // namespace thaw
