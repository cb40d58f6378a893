// What to do with the models of a comparison: predict with the best or a named one, and train it again.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

struct CliCompareModels : ::testing::Test {
  CliCompareModels() {
    folder.write("t.csv", clusters_csv(120, 1));
    folder.write("new.csv", clusters_csv(5, 2));
    write_config("");
  }
  void write_config(const std::string& more) {
    config = folder.write(
        "task.toml",
        "[data]\ntrain = \"t.csv\"\n[model]\nfrom = \"mlp\"\nhidden = [8]\n[train]\nepochs = 4\n"
        "lr = 0.01\n[compare]\nstrategies = [\"full\", \"head\", \"lora\"]\nseeds = 2\ntune = 2\n" +
            more);
  }
  ProgramResult compare(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"compare", config, "--out", run});
    return run_program(more);
  }
  ProgramResult predict(const std::string& model, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"predict", "--model", model, "--input", folder.path("new.csv")});
    return run_program(more);
  }
  // The words of the command that follows `label` in the output of a comparison.
  static std::vector<std::string> command_after(const std::string& label, const std::string& out) {
    const std::size_t begin = out.find(label);
    if (begin == std::string::npos) return {};
    std::istringstream line(out.substr(begin + label.size(), out.find('\n', begin) - begin - label.size()));
    std::vector<std::string> words;
    for (std::string word; line >> word;) words.push_back(word);
    return words;
  }
  void write_results(const std::string& strategy, double validation) const {
    json results = json::parse(file_text(run + "/results.json"));
    for (json& row : results["runs"])
      if (row["strategy"] == strategy) row["validation"] = validation;
    folder.write("run/results.json", results.dump());
  }
  TemporaryFolder folder;
  std::string config, run = folder.path("run");
};

TEST_F(CliCompareModels, TheNamedOrTheBestOnValidationDataPredicts) {
  ASSERT_EQ(compare().code, 0);
  for (const char* strategy : {"full", "head", "lora"}) write_results(strategy, 0.5);
  write_results("head", 0.75);
  const ProgramResult best = predict(run);
  ASSERT_EQ(best.code, 0) << best.err;
  expect_has(best.err,
             "the model is " + run + "/head/seed-0: the best of head's runs on the validation data");
  EXPECT_EQ(best.out, predict(run + "/head/seed-0").out);
  const ProgramResult named = predict(run, {"--strategy", "lora"});
  ASSERT_EQ(named.code, 0) << named.err;
  EXPECT_EQ(named.out, predict(run + "/lora/seed-0").out);
  const ProgramResult unknown = predict(run, {"--strategy", "dora"});
  EXPECT_EQ(unknown.code, 2);
  expect_has(unknown.err, "the comparison has no model of \"dora\"");
  expect_has(unknown.err, "there are models of full, head, lora");
  const ProgramResult one = predict(run + "/head/seed-0", {"--strategy", "head"});
  EXPECT_EQ(one.code, 2);
  expect_has(one.err, "this is the folder of one model");
}

TEST_F(CliCompareModels, EvalTakesAComparisonToo) {
  ASSERT_EQ(compare().code, 0);
  const ProgramResult result = run_program({"eval", config, "--model", run, "--strategy", "full"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["split"], "validation");
}

TEST_F(CliCompareModels, WithoutResultsOrModelsItIsSaidHow) {
  ASSERT_EQ(compare().code, 0);
  std::filesystem::remove_all(run + "/full");
  std::filesystem::remove_all(run + "/head");
  EXPECT_EQ(predict(run).code, 0) << "lora is left";
  std::filesystem::remove_all(run + "/lora");
  const ProgramResult none = predict(run);
  EXPECT_EQ(none.code, 2);
  expect_has(none.err, "the comparison has no model of a run that ended well");
  folder.write("run/results.json", "[1");
  expect_has(predict(run).err, "the results of the comparison cannot be read");
  std::filesystem::remove(run + "/results.json");
  const ProgramResult early = predict(run);
  EXPECT_EQ(early.code, 2);
  expect_has(early.err, "the comparison has no results yet");
  expect_has(early.err, "/STRATEGY/seed-N");
}

TEST_F(CliCompareModels, DamagedResultsAreRefused) {
  std::filesystem::create_directories(run);
  folder.write("run/journal.jsonl", "");
  for (const char* results :
       {"", "[1]", "{\"metric\": 1}", "{\"strategies\": 3}", "{\"strategies\": [1]}",
        "{\"strategies\": [{\"strategy\": []}]}", "{\"strategies\": [{\"baseline\": \"no\"}]}",
        "{\"strategies\": [{}], \"runs\": [4]}", "{\"strategies\": [{}], \"runs\": [{\"status\": 1}]}",
        "{\"strategies\": [{}], \"runs\": [{\"status\": \"ok\", \"seed\": \"0\"}]}"}) {
    folder.write("run/results.json", results);
    const ProgramResult result = predict(run);
    EXPECT_EQ(result.code, 2) << results << result.err;
    expect_has(result.err, "the results of the comparison cannot be read (" + run + "/results.json); ");
    expect_has(result.err, "--resume), or give the folder of one of its runs");
  }
}

TEST_F(CliCompareModels, TheCommandsThatArePrintedWork) {
  const ProgramResult result = compare();
  ASSERT_EQ(result.code, 0) << result.err;
  std::vector<std::string> use = command_after("use it: ", result.out);
  ASSERT_EQ(use.size(), 6U) << result.out;
  use.erase(use.begin());
  use.back() = folder.path("new.csv");
  EXPECT_EQ(run_program(use).code, 0);
  std::vector<std::string> again = command_after("train again: ", result.out);
  ASSERT_GT(again.size(), 4U) << result.out;
  again.erase(again.begin());
  const ProgramResult trained = run_program(again);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(std::filesystem::exists(again.back() + "/model.safetensors"));
}

// With what tuning chose, whatever [strategy] of the config says; on the comparison's data the same bits.
TEST_F(CliCompareModels, TrainedAgainItIsTheSameRun) {
  write_config("[strategy]\nname = \"gradual\"\nevery = \"2 epochs\"\n");
  const ProgramResult result = compare({"--strategies", "full,lora", "--set", "data.limit=40"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json results = json::parse(file_text(run + "/results.json"));
  for (const json& strategy : results["strategies"]) {
    const std::string name = strategy["strategy"];
    if (strategy["baseline"] == true) continue;
    std::vector<std::string> command = {"train",      config,
                                        "--strategy", name,
                                        "--out",      folder.path("again-" + name),
                                        "--set",      "data.limit=40",
                                        "--set",      "data.test_fraction=0.2"};
    for (const std::string setting : strategy["settings"]) command.insert(command.end(), {"--set", setting});
    const ProgramResult again = run_program(command);
    ASSERT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(file_text(folder.path("again-" + name) + "/model.safetensors"),
              file_text(run + "/" + name + "/seed-0/model.safetensors"))
        << name;
  }
}

TEST_F(CliCompareModels, AStudyHasNoOneModel) {
  folder.write("cells.txt", "");
  const ProgramResult result = predict(folder.path());
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "the folder holds a study");
}

}  // namespace
}  // namespace thaw::test
