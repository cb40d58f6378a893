// Pairs of texts through the program: trained on, told apart by their order, and used again from the run's
// folder. That the numbers are those of transformers: tests/golden/check_pairs.py.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/data/batch.h"
#include "finetune/preprocess/prepared_data.h"
#include "tests/support/datasets.h"
#include "tests/support/files.h"
#include "tests/support/from_config.h"
#include "tests/support/json_lines.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/text_model.h"

namespace thaw::test {
namespace {

using nlohmann::json;

struct CliPairs : ::testing::Test {
  CliPairs() { write_text_model(folder.path("model")); }

  std::vector<json> predict(const std::string& input, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"predict", "--model", folder.path("run"), "--input", input};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return json_lines(result.out);
  }

  TemporaryFolder folder;
  std::string pairs = folder.write("pairs.csv",
                                   "first,second,label\na good film,a bad film,0\na bad film,a good film,1\n"
                                   "the film was good,it was bad,0\nit was bad,the film was good,1\n");
  std::string config =
      folder.write("task.toml",
                   "[model]\nfrom = \"model\"\n[data]\ntrain = \"pairs.csv\"\ntext = \"first\"\n"
                   "text_pair = \"second\"\nvalidation_fraction = 0.0\n[train]\nsteps = 60\n"
                   "lr = 5e-3\nbatch_size = 4\n");
};

TEST_F(CliPairs, TheOrderOfTheTwoIsLearntAndTheRunKnowsItsColumns) {
  ASSERT_EQ(run_program({"train", config, "--out", folder.path("run")}).code, 0);
  EXPECT_EQ(json::parse(file_text(folder.path("run/preprocess.json"))).at("text_pair"), "second");
  const std::vector<json> lines = predict(pairs);
  ASSERT_EQ(lines.size(), 4);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(lines[i]["label"], i % 2 == 0 ? "0" : "1") << i;
  // The same pairs as JSON, with columns of other names in another order.
  const std::string other = folder.write("other.jsonl",
                                         "{\"b\":\"a bad film\",\"a\":\"a good film\"}\n"
                                         "{\"b\":\"a good film\",\"a\":\"a bad film\"}\n");
  const std::vector<json> named = predict(other, {"--text", "a", "--text-pair", "b"});
  ASSERT_EQ(named.size(), 2);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(named[i]["logits"], lines[i]["logits"]);
  const ProgramResult eval =
      run_program({"eval", config, "--model", folder.path("run"), "--set", "data.test=pairs.csv"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_EQ(json::parse(eval.out)["accuracy"], 1.0);
}

TEST_F(CliPairs, WhatIsNoPairIsRefusedInOneLine) {
  ASSERT_EQ(run_program({"train", config, "--out", folder.path("run"), "--set", "train.steps=1"}).code, 0);
  const auto error = [&](const std::string& input) {
    const ProgramResult result = run_program({"predict", "--model", folder.path("run"), "--input", input});
    EXPECT_EQ(result.code, 2);
    return result.err;
  };
  expect_has(error(folder.write("lines.txt", "a good film\n")), "a .txt file has no pairs of texts");
  expect_has(error(folder.write("single.csv", "first\na good film\n")), "no text_pair column \"second\"");
  expect_has(error(folder.write("empty.csv", "first,second\na good film,\n")), "the text is missing");
}

TEST_F(CliPairs, AModelOfPairsTakesSingleTextsWhereThatIsSaid) {
  ASSERT_EQ(run_program({"train", config, "--out", folder.path("run"), "--set", "train.steps=1"}).code, 0);
  const std::string lines = folder.write("lines.txt", "a good film\nit was bad\n");
  const ProgramResult refused = run_program({"embed", "--model", folder.path("run"), "--input", lines});
  EXPECT_EQ(refused.code, 2);
  expect_has(refused.err, "--text-pair \"\"");
  EXPECT_EQ(
      json_lines(
          run_program({"embed", "--model", folder.path("run"), "--input", lines, "--text-pair", ""}).out)
          .size(),
      2);
  EXPECT_EQ(predict(lines, {"--text-pair", ""}).size(), 2);
  const std::string single = folder.write("single.csv", "first,label\na good film,0\nit was bad,1\n");
  const std::vector<std::string> arguments{"train", config,
                                           "--out", folder.path("single"),
                                           "--set", "model.from=" + folder.path("run"),
                                           "--set", "data.train=" + single,
                                           "--set", "train.steps=1",
                                           "--set", "data.text_pair=\"\""};
  const ProgramResult trained = run_program(arguments);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_FALSE(json::parse(file_text(folder.path("single/preprocess.json"))).contains("text_pair"));
}

TEST_F(CliPairs, TypesTellTheTwoApartAndPaddingHasType0) {
  const PreparedData data = data_of(load_config(config));
  const Texts& texts = texts_of(data.train);
  ASSERT_EQ(texts.size(), 4);
  EXPECT_EQ(texts[2].types.size(), texts[2].tokens.size());
  EXPECT_EQ(texts[2].types.front(), 0);
  EXPECT_EQ(texts[2].types.back(), 1);
  const Batch batch = make_batch(data.train, {0, 2});
  ASSERT_EQ(batch.x.types.shape(), batch.x.values.shape());
  const std::int64_t length = batch.x.types.size(1);
  const std::int64_t shorter = texts.length(0);
  ASSERT_LT(shorter, length);
  const std::int64_t* types = batch.x.types.data<std::int64_t>();
  EXPECT_EQ(types[shorter - 1], 1);
  for (std::int64_t t = shorter; t < length; ++t) EXPECT_EQ(types[t], 0);
  EXPECT_EQ(meta_batch(data.train, 2).x.types.shape(), meta_batch(data.train, 2).x.values.shape());
}

}  // namespace
}  // namespace thaw::test
