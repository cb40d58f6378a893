// A recogniser by CTC with the vocabulary of transformers' Wav2Vec2CTCTokenizer: its texts, its head kept in training, and
// files that are none. golden/make_models.py made it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/golden/golden.h"
#include "tests/support/files.h"
#include "tests/support/json_lines.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

struct CliCharacters : ::testing::Test {
  CliCharacters() {
    std::filesystem::copy(golden_path("models/wav2vec2-letters"), folder.path("letters"));
    texts = json::parse(file_text(folder.path("letters/texts.json")));
    folder.write("letters.toml",
                 "[model]\nfrom = \"letters\"\n[data]\ntask = \"transcription\"\n"
                 "train = \"letters/train.csv\"\nvalidation = \"letters/train.csv\"\n"
                 "duplicates = \"warn\"\n[train]\nepochs = 0\n");
    write_table(written("text"));
  }

  Strings written(const char* key) const {
    Strings all;
    for (const auto& [file, text] : texts.items()) all.push_back(text.at(key));
    return all;
  }
  void write_table(const Strings& transcripts) const {
    std::string table = "audio,text\n";
    for (std::size_t i = 0; i < transcripts.size(); ++i)
      table += std::to_string(i) + ".wav," + transcripts[i] + "\n";
    folder.write("letters/train.csv", table);
  }
  void change(const std::string& file, const json& changes) const {
    json changed = json::parse(file_text(folder.path("letters/" + file)));
    changed.update(changes);
    folder.write("letters/" + file, changed.dump());
  }
  ProgramResult train(const std::string& out, const Strings& more = {}) const {
    Strings arguments{"train", folder.path("letters.toml"), "--out", folder.path(out)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  ProgramResult predict(const std::string& model) const {
    return run_program(
        {"predict", "--model", folder.path(model), "--input", folder.path("letters/train.csv")});
  }
  Strings texts_of(const std::string& model) const {
    const ProgramResult result = predict(model);
    EXPECT_EQ(result.code, 0) << result.err;
    Strings all;
    for (const json& line : json_lines(result.out)) all.push_back(line.at("text"));
    return all;
  }
  double error_rate_of(const std::string& model) const {
    const ProgramResult eval =
        run_program({"eval", folder.path("letters.toml"), "--model", folder.path(model), "--json"});
    EXPECT_EQ(eval.code, 0) << eval.err;
    return eval.code == 0 ? json::parse(eval.out).at("cer").get<double>() : 1;
  }
  TemporaryFolder folder = TemporaryFolder::in_memory();
  json texts;
};

TEST_F(CliCharacters, AnUntouchedFolderWritesWhatTransformersDoes) {
  EXPECT_EQ(texts_of("letters"), written("text"));
  EXPECT_EQ(error_rate_of("letters"), 0);
  change("tokenizer_config.json", {{"do_lower_case", true}});
  EXPECT_EQ(texts_of("letters"), written("lower"));
  write_table(written("lower"));
  EXPECT_EQ(error_rate_of("letters"), 0);
}

// What is not in tokenizer_config.json stands in special_tokens_map.json, and tokens that no file has are behind the others.
TEST_F(CliCharacters, OlderFilesSayTheSame) {
  std::filesystem::remove(folder.path("letters/tokenizer_config.json"));
  folder.write(
      "letters/special_tokens_map.json",
      R"({"unk_token": {"content": "[UNK]"}, "pad_token": "[PAD]", "bos_token": "<s>", "eos_token": "</s>"})");
  EXPECT_EQ(texts_of("letters"), written("text"));
  std::filesystem::remove(folder.path("letters/added_tokens.json"));
  EXPECT_EQ(texts_of("letters"), written("text"));
}

TEST_F(CliCharacters, TranscriptsOfItsCharactersKeepTheHead) {
  write_table({"AB", "B A", "BB", "A"});  // not of all
  const ProgramResult kept = train("kept");
  ASSERT_EQ(kept.code, 0) << kept.err;
  EXPECT_EQ(kept.err.find("the head is new"), std::string::npos) << kept.err;
  expect_has(kept.err, R"(the model writes 5 characters: the space, "B", "A", "É", "'")");
  EXPECT_EQ(texts_of("kept"), written("text"));
  // Its own folder is a start too, and one that transformers reads.
  const ProgramResult again = train("again", {"--set", "model.from=" + folder.path("kept")});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(file_text(folder.path("again/model.safetensors")),
            file_text(folder.path("kept/model.safetensors")));
  const json expected =
      json::parse(R"({"<pad>": 0, "|": 1, "B": 2, "A": 3, "<unk>": 4, "É": 5, "'": 6, "<s>": 7, "</s>": 8})");
  EXPECT_EQ(json::parse(file_text(folder.path("kept/vocab.json"))), expected);
  const json config = json::parse(file_text(folder.path("kept/config.json")));
  EXPECT_EQ(config.at("vocab_size"), 9);
  EXPECT_EQ(config.at("pad_token_id"), 0);
  std::filesystem::remove(folder.path("kept/preprocess.json"));
  EXPECT_EQ(texts_of("kept"), written("text"));
}

TEST_F(CliCharacters, OthersMakeItNew) {
  write_table(written("lower"));
  const ProgramResult trained = train("new");
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "characters that are none of the model's, \"a\", \"b\", \"é\"");
  expect_has(trained.err, "the head is new: its labels differ from the task's");
  EXPECT_EQ(json::parse(file_text(folder.path("new/vocab.json"))).size(), 5U);
}

TEST_F(CliCharacters, FilesThatAreNoVocabularyAreRefused) {
  const json right = json::parse(file_text(folder.path("letters/vocab.json")));
  const auto error_of = [&](const json& vocabulary) {
    folder.write("letters/vocab.json", vocabulary.dump());
    const ProgramResult result = predict("letters");
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_EQ(train("bad").code, 2);
    expect_has(result.err, "vocab.json");
    return result.err;
  };
  const auto with = [&](const json& changes) {
    json changed = right;
    changed.update(changes);
    return changed;
  };
  expect_has(error_of(json::array({"a"})), "no table of tokens and their ids");
  expect_has(error_of(with({{"A", "two"}})), "the token \"A\" has no whole number for its id");
  expect_has(error_of(with({{"A", 2.5}})), "no whole number");
  expect_has(error_of(with({{"x", {{"a", 1}}}})), "no whole number");
  expect_has(error_of(with({{"A", 4}})), "the tokens \"A\" and \"É\" have the same id 4");
  expect_has(error_of(with({{"A", -1}})), "has the id -1");
  expect_has(error_of(with({{"A", 9}})), "has the id 9 (");
  expect_has(error_of(with({{"A", 18446744073709551615U}})), "has the id 18446744073709551615");
  json gap = right;
  gap.erase("A");
  expect_has(error_of(gap), "no token has the id 2");
  expect_has(error_of(with({{"<unk>", 2}, {"A", 8}})), "two tokens are read as");
  folder.write("letters/vocab.json", R"({"A": 0, "A": 1})");
  EXPECT_EQ(predict("letters").code, 2);
}

// Phonemes of several letters, say.
TEST_F(CliCharacters, TokensThatAreNoCharactersAreAStartAlone) {
  json vocabulary = json::parse(file_text(folder.path("letters/vocab.json")));
  vocabulary.erase("A");
  vocabulary["ts"] = 2;
  folder.write("letters/vocab.json", vocabulary.dump());
  const ProgramResult result = predict("letters");
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "train a recogniser from it");
  const ProgramResult trained = train("new");
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "the head is new");
}

}  // namespace
}  // namespace thaw::test
