// Speech to text by a model's own decoder, as a user runs it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/json_lines.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/speech_folder.h"

namespace thaw::test {
namespace {

using nlohmann::json;

struct CliDictation : ::testing::Test {
  CliDictation() {
    write_speech_writer(folder);
    write_tones(folder, "train", 32, 1);
    write_tones(folder, "test", 12, 2);
    folder.write("tones.toml",
                 "[model]\nfrom = \"writer\"\ndecoder = \"seq2seq\"\n[data]\ntask = \"transcription\"\n"
                 "train = \"tones/train.csv\"\nvalidation = \"tones/test.csv\"\n"
                 "[train]\nepochs = 40\nbatch_size = 8\nlr = 0.01\neval_every = \"never\"\n");
  }

  ProgramResult train(const std::string& out, const std::vector<std::string>& settings = {},
                      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{
        "train", folder.path("tones.toml"), "--out", folder.path(out), "--threads", "1"};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  std::string weights(const std::string& run) const {
    return file_text(folder.path(run + "/model.safetensors"));
  }
  ProgramResult predict(const std::string& model, const std::string& input) const {
    return run_program({"predict", "--model", folder.path(model), "--input", folder.path(input)});
  }

  TemporaryFolder folder = TemporaryFolder::in_memory();
};

TEST_F(CliDictation, WhatIsLearntIsWrittenDown) {
  const ProgramResult trained = train("run");
  ASSERT_EQ(trained.code, 0) << trained.err;
  const ProgramResult eval =
      run_program({"eval", folder.path("tones.toml"), "--model", folder.path("run"), "--json"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  const json metrics = json::parse(eval.out);
  EXPECT_LT(metrics.at("cer"), 0.2) << eval.out;
  EXPECT_LT(metrics.at("loss"), 0.5) << eval.out;
  const std::vector<json> lines = json_lines(predict("run", "tones/test.csv").out);
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_EQ(json_lines(predict("run", "tones/test3.wav").out).at(0), lines[3]) << "a sound by itself";
}

// As transformers reads it: its own class, its tokenizer, what it may write.
TEST_F(CliDictation, TheRunsFolderIsAWhispers) {
  ASSERT_EQ(train("run", {"train.epochs=1"}).code, 0);
  const json config = json::parse(file_text(folder.path("run/config.json")));
  EXPECT_EQ(config.at("architectures"), json({"WhisperForConditionalGeneration"}));
  EXPECT_FALSE(config.contains("id2label"));
  for (const char* name : {"tokenizer.json", "generation_config.json", "preprocessor_config.json"})
    EXPECT_EQ(file_text(folder.path(std::string("run/") + name)),
              file_text(folder.path(std::string("writer/") + name)))
        << name;
  const ProgramResult again = train("again", {"model.from=" + folder.path("run"), "train.epochs=0"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(weights("again"), weights("run"));
}

// A folder that nobody trained here writes with what it has.
TEST_F(CliDictation, AFolderOfHuggingFaceTranscribesAsItIs) {
  const ProgramResult run = predict("writer", "tones/test.csv");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(json_lines(run.out).size(), 12U);
}

// It hears whole contexts, as its decoder always has; nothing is learnt, so nothing is written otherwise.
TEST_F(CliDictation, ARunWithoutUpdatesWritesWhatItsFolderDoes) {
  ASSERT_EQ(train("run", {"train.epochs=0"}).code, 0);
  EXPECT_EQ(predict("run", "tones/test.csv").out, predict("writer", "tones/test.csv").out);
  EXPECT_TRUE(json::parse(file_text(folder.path("run/preprocess.json"))).at("whole_context"));
}

// Newer versions of transformers write one file for all of a processor.
TEST_F(CliDictation, TheExtractorMayStandInTheProcessorsConfig) {
  const std::string before = predict("writer", "tones/test.csv").out;
  const std::string old = folder.path("writer/preprocessor_config.json");
  json extractor = json::parse(file_text(old));
  std::filesystem::remove(old);
  folder.write("writer/processor_config.json", json{{"feature_extractor", extractor}}.dump());
  EXPECT_EQ(predict("writer", "tones/test.csv").out, before);
  extractor["feature_size"] = 7;
  folder.write("writer/processor_config.json", json{{"feature_extractor", extractor}}.dump());
  expect_has(predict("writer", "tones/test.csv").err, "writer/processor_config.json, feature_size");
}

TEST_F(CliDictation, AModelOfManyLanguagesMustBeAskedForOne) {
  const std::string path = "writer/generation_config.json";
  json config = json::parse(file_text(folder.path(path)));
  config["lang_to_id"] = {{"<|nl|>", 5}};
  folder.write(path, config.dump());
  const ProgramResult run = predict("writer", "tones/test.csv");
  EXPECT_EQ(run.code, 2);
  expect_has(run.err, "the model writes many languages, and its tokenizer asks for none");
}

// Characters need none of its tokens.
TEST_F(CliDictation, ARunByCtcNeedsNoTokenizer) {
  std::filesystem::remove(folder.path("writer/tokenizer.json"));
  const ProgramResult run = train("run", {"model.decoder=ctc", "train.epochs=1"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(predict("run", "tones/test.csv").code, 0);
}

// The cache keeps what the encoder gives, and no more, for the decoder reads the text too.
TEST_F(CliDictation, TheCacheChangesNoBit) {
  for (const char* strategy : {"full", "head", "top-1", "top-2", "gradual", "lora"}) {
    const std::string name = strategy;
    const std::vector<std::string> options{"--strategy", strategy};
    const ProgramResult kept =
        train(name + "-kept", {"train.epochs=3", "train.eval_every='1 epoch'"}, options);
    const ProgramResult anew =
        train(name + "-anew", {"train.epochs=3", "train.eval_every='1 epoch'", "train.cache=off"}, options);
    ASSERT_EQ(kept.code, 0) << kept.err;
    ASSERT_EQ(anew.code, 0) << anew.err;
    EXPECT_EQ(weights(name + "-kept"), weights(name + "-anew")) << strategy;
  }
}

TEST_F(CliDictation, WhatIsWrongIsSaidInOneLine) {
  const auto error_of = [&](const std::vector<std::string>& settings) {
    const ProgramResult run = train("bad", settings);
    EXPECT_EQ(run.code, 2) << run.err;
    return run.err;
  };
  folder.write("tones/long.csv", "audio,text\ntrain0.wav,abababababab\n");
  expect_has(error_of({"data.train=" + folder.path("tones/long.csv")}),
             "the transcript of row 1 is 15 tokens long, and the model writes 12");
  const auto with = [&](const char* file, const std::string& key, const json& value) {
    json changed = json::parse(file_text(folder.path(file)));
    const std::string before = changed.dump();
    changed[key] = value;
    folder.write(file, changed.dump());
    const std::string error = error_of({});
    folder.write(file, before);
    return error;
  };
  expect_has(with("writer/generation_config.json", "suppress_tokens", {1, 300}), "has the token 300");
  expect_has(with("writer/tokenizer.json", "post_processor", nullptr), "puts 0 tokens around a text");
  expect_has(with("writer/config.json", "vocab_size", 200), "the tokenizer has 259 tokens, the model 200");
  expect_has(with("writer/config.json", "decoder_layers", 0), "has no decoder");
  expect_has(with("writer/config.json", "decoder_attention_heads", 3), "3 heads do not divide");
  expect_has(with("writer/config.json", "decoder_ffn_dim", 0), "intermediate size is 0");
  expect_has(error_of({"model.from=mlp", "data.task=classification"}),
             "model.decoder is for models that take sound");
  const ProgramResult embed =
      run_program({"embed", "--model", folder.path("writer"), "--input", folder.path("tones/test.csv")});
  EXPECT_EQ(embed.code, 2) << embed.err;
}

}  // namespace
}  // namespace thaw::test
