// Texts through the program: a folder of Hugging Face's layout is fine-tuned, and the run's folder is used.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/json_lines.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/text_model.h"

namespace thaw::test {
namespace {

using nlohmann::json;

double largest_difference(const json& a, const json& b) {
  double largest = 0;
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::abs(a[i].get<double>() - b[i].get<double>()));
  return largest;
}

struct CliText : ::testing::Test {
  CliText() { write_text_model(folder.path("model")); }
  ProgramResult train(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"train", config, "--out", run, "--json"});
    return run_program(more);
  }
  std::vector<json> embed(const std::string& input) const {
    const ProgramResult result = run_program({"embed", "--model", folder.path("model"), "--input", input});
    EXPECT_EQ(result.code, 0) << result.err;
    return json_lines(result.out);
  }

  TemporaryFolder folder;
  std::string data = folder.write("s.csv", sentences_csv(160, 1));
  std::string test = folder.write("test.csv", sentences_csv(60, 2));
  std::string config =
      folder.write("task.toml",
                   "[model]\nfrom = \"model\"\n[data]\ntrain = \"s.csv\"\ntest = "
                   "\"test.csv\"\nduplicates = \"warn\"\n[train]\nlr = 3e-3\nepochs = 8\nbatch_size = 8\n");
  std::string run = folder.path("run");
};

TEST_F(CliText, AFolderWithoutAHeadLearnsAndItsRunIsUsed) {
  const ProgramResult result = train();
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("the head is new"), std::string::npos) << result.err;
  const json trained = json::parse(result.out);
  EXPECT_GT(trained["test"]["accuracy"].get<double>(), 0.95);
  EXPECT_EQ(file_text(run + "/vocab.txt"), file_text(folder.path("model/vocab.txt")));

  const ProgramResult eval = run_program({"eval", config, "--model", run, "--json"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_DOUBLE_EQ(json::parse(eval.out)["accuracy"].get<double>(),
                   trained["test"]["accuracy"].get<double>());
  const ProgramResult shorter = run_program(
      {"eval", config, "--model", run, "--set", "model.max_length=5", "--set", "model.pooling=mean"});
  EXPECT_EQ(json::parse(shorter.out)["accuracy"], json::parse(eval.out)["accuracy"]);
  expect_has(shorter.err, "model.max_length = 5 is for training");

  const std::string texts = folder.write("new.txt", "The film was lovely .\r\nthe END was awful .\n");
  const ProgramResult predict = run_program({"predict", "--model", run, "--input", texts, "--json"});
  ASSERT_EQ(predict.code, 0) << predict.err;
  const std::vector<json> lines = json_lines(predict.out);
  ASSERT_EQ(lines.size(), 2u) << predict.out;
  EXPECT_EQ(lines[0]["label"], "good");
  EXPECT_EQ(lines[1]["label"], "bad");
}

// Before anything is trained: the look at the test data could not be noted afterwards.
TEST_F(CliText, AFolderWhoseLooksCannotBeNotedIsRefused) {
  const ProgramResult result = run_program({"train", config, "--out", folder.path("q\xff")});
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("not UTF-8"), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("100 %"), std::string::npos) << result.err;
}

TEST_F(CliText, OptionsThatAreSetAreThoseOfTheStrategyThatIsNamed) {
  const ProgramResult result =
      train({"--strategy", "lora", "--set", "strategy.r=2", "--set", "train.epochs=1"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(json::parse(file_text(run + "/adapter/adapter_config.json"))["r"], 2);
  expect_has(run_program({"inspect", run + "/adapter"}).out, "lora_A.weight");
}

// Each evaluation on the test data counts, whoever else evaluates at the same time.
TEST_F(CliText, EveryLookAtTheTestDataCounts) {
  ASSERT_EQ(train({"--set", "train.epochs=1"}).code, 0);
  const auto looks = [&] { return json::parse(file_text(run + "/run.json"))["test_evaluations"].get<int>(); };
  const int before = looks();
  std::vector<std::future<int>> evaluations;
  for (int i = 0; i < 4; ++i)
    evaluations.push_back(std::async(std::launch::async, [&] {
      return run_program({"eval", config, "--model", run}).code;
    }));
  for (std::future<int>& evaluation : evaluations) EXPECT_EQ(evaluation.get(), 0);
  EXPECT_EQ(looks(), before + 4);
}

TEST_F(CliText, TheBatchThatATextStandsInDoesNotMatter) {
  const std::string one = "the film was good .", two = "a",
                    three = "and the story was dull and the end was dark";
  const std::vector<json> together =
      embed(folder.write("all.txt", one + "\n" + two + "\n" + three + "\n" + one + "\n"));
  ASSERT_EQ(together.size(), 4u);
  EXPECT_EQ(together[0]["embedding"], together[3]["embedding"]);
  const std::vector<std::string> texts = {one, two, three};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::vector<json> alone = embed(folder.write("one.txt", texts[i] + "\n"));
    ASSERT_EQ(alone.size(), 1u);
    EXPECT_EQ(alone[0]["embedding"].size(), 16u);
    EXPECT_LT(largest_difference(alone[0]["embedding"], together[i]["embedding"]), 1e-5) << texts[i];
  }
  EXPECT_GT(largest_difference(together[0]["embedding"], together[1]["embedding"]), 0.01);
}

TEST_F(CliText, WhatTheLengthCutsOffIsSaid) {
  const ProgramResult result = train({"--set", "model.max_length=6", "--set", "train.epochs=1"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("texts fill 6 tokens"), std::string::npos) << result.err;
  const std::string folder_says = file_text(run + "/preprocess.json");
  EXPECT_NE(folder_says.find("\"max_length\": 6"), std::string::npos) << folder_says;
}

TEST_F(CliText, OddTextsAreReadAndWhatIsNoTextIsRefused) {
  const std::string odd = "\xEF\xBB\xBFgood\n\n\u200b\n\x07 a\n";
  EXPECT_EQ(embed(folder.write("odd.txt", odd)).size(), 4u);
  const std::string latin = folder.write("latin.txt", "good\ncaf\xE9\n");
  const ProgramResult refused = run_program({"embed", "--model", folder.path("model"), "--input", latin});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("latin.txt:2"), std::string::npos) << refused.err;
}

TEST_F(CliText, GzipOnStandardInputIsNamed) {
  const ProgramResult refused =
      run_program({"embed", "--model", folder.path("model"), "--input", "-"}, "\x1f\x8b\x08 and so on");
  EXPECT_EQ(refused.code, 2);
  expect_has(refused.err, "gzip data on standard input (-)");
  expect_has(refused.err, "gunzip -c");
}

// Whose classes are another task's, in a folder of Hugging Face: its body is as good as any.
TEST_F(CliText, ClassesOfOneNameMatterWhereTheyAreUsed) {
  json named = json::parse(file_text(folder.path("model/config.json")));
  named["id2label"] = {{"0", "film"}, {"1", "film"}};
  folder.write("model/config.json", named.dump());
  EXPECT_EQ(embed(folder.write("new.txt", "the film\n")).size(), 1u);
  const ProgramResult trained = train({"--set", "train.epochs=1"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "the head is new");
  ASSERT_EQ(run_program({"predict", "--model", run, "--input", test}).code, 0);
  json config_of_run = json::parse(file_text(run + "/config.json"));
  config_of_run["id2label"] = named["id2label"];
  folder.write("run/config.json", config_of_run.dump());
  std::filesystem::remove(run + "/preprocess.json");
  const ProgramResult refused = run_program({"predict", "--model", run, "--input", test});
  EXPECT_EQ(refused.code, 2);
  expect_has(refused.err, "the model names the class \"film\" twice");
  expect_has(refused.err, "config.json); rename");
}

TEST_F(CliText, WhatIsWrongIsSaidInOneLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--set", "data.text=words"}, "words"},
      {{"--set", "model.max_length=21"}, "20 positions"},
      {{"--set", "data.standardize=true"}, "standardize"},
      {{"--set", "model.pooling=median"}, "median"},
  };
  for (const auto& [more, part] : cases) {
    const ProgramResult result = train(more);
    EXPECT_EQ(result.code, 2) << part;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    EXPECT_FALSE(std::filesystem::exists(run)) << part;
  }
  std::filesystem::remove(folder.path("model/vocab.txt"));
  const ProgramResult result = train();
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_NE(result.err.find("vocab.txt"), std::string::npos) << result.err;
}

TEST_F(CliText, StrategiesAreComparedWithABaselineOnTheFeatures) {
  const ProgramResult result =
      run_program({"compare", config, "--out", run, "--strategies", "full,head,top-1,bitfit", "--seeds", "2",
                   "--no-tune", "--json", "--set", "train.epochs=2"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json found = json::parse(file_text(run + "/results.json"));
  EXPECT_EQ(found["runs"].size(), 14u) << "majority, probe, scratch and four strategies";
  for (const json& row : found["runs"]) EXPECT_EQ(row["status"], "ok") << row["strategy"];
}

}  // namespace
}  // namespace thaw::test
