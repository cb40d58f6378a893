// From a folder of sounds to their classes, as a user runs it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "finetune/data/sound/sound_file.h"
#include "tests/support/files.h"
#include "tests/support/json_lines.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/speech_folder.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

struct CliSoundClasses : ::testing::Test {
  CliSoundClasses() {
    write_speech_model(folder);
    write_tone_classes(folder, "train", 12, 1);
    write_tone_classes(folder, "test", 6, 2);
    folder.write("tones.toml",
                 "[model]\nfrom = \"whisper\"\n[data]\ntrain = \"train\"\ntest = \"test\"\n"
                 "validation_fraction = 0\n"
                 "[train]\nepochs = 20\nbatch_size = 8\nlr = 0.003\neval_every = \"never\"\n");
  }

  ProgramResult run(const std::string& command, Strings arguments) const {
    arguments.insert(arguments.begin(), {command, folder.path("tones.toml"), "--threads", "1"});
    return run_program(arguments);
  }
  ProgramResult train(const std::string& out, const Strings& settings = {}) const {
    Strings arguments{"--out", folder.path(out)};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return run("train", arguments);
  }
  std::string predictions(const std::string& model, const std::string& input) const {
    const ProgramResult result =
        run_program({"predict", "--model", folder.path(model), "--input", folder.path(input)});
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }
  double accuracy(const std::string& model) const {
    const ProgramResult eval = run("eval", {"--model", folder.path(model)});
    EXPECT_EQ(eval.code, 0) << eval.err;
    return json::parse(eval.out).at("accuracy");
  }
  std::string error_of(const Strings& settings) const {
    const ProgramResult result = train("bad", settings);
    EXPECT_EQ(result.code, 2) << result.err;
    return result.err.substr(result.err.find("thaw: error"));
  }
  TemporaryFolder folder = TemporaryFolder::in_memory();
};

TEST_F(CliSoundClasses, ANetworkLearnsAFolderAndTellsNewSounds) {
  const ProgramResult trained = train("run");
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "train: 24 samples");
  expect_has(trained.err, "minutes of sound");
  expect_has(trained.err, "the head is new");
  EXPECT_GT(accuracy("run"), 0.9);
  const std::vector<json> all = json_lines(predictions("run", "test"));
  ASSERT_EQ(all.size(), 12U);
  EXPECT_EQ(all[3].at("audio"), "high/3.wav");
  EXPECT_EQ(json_lines(predictions("run", "test/high/3.wav")).at(0).at("logits"), all[3].at("logits"));
  folder.write("some.csv", "audio\ntest/high/3.wav\ntest/low/1.wav\n");
  const std::vector<json> some = json_lines(predictions("run", "some.csv"));
  EXPECT_EQ(some.at(0).at("logits"), all[3].at("logits"));
  EXPECT_EQ(some.at(1).at("label"), "low");

  const json config = json::parse(file_text(folder.path("run/config.json")));
  EXPECT_EQ(config.at("architectures"), json({"WhisperForAudioClassification"}));
  EXPECT_EQ(config.at("id2label"), json({{"0", "high"}, {"1", "low"}}));
}

TEST_F(CliSoundClasses, ATableIsReadAsTheFolderIs) {
  std::string table = "audio,kind\n", with_numbers = "audio,label\n";
  for (const char* kind : {"high", "low"})
    for (const int i : {0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9}) {  // as paths stand in the folder
      const std::string file = "train/" + std::string(kind) + "/" + std::to_string(i) + ".wav,";
      table += file + kind + "\n";
      with_numbers += file + std::to_string(i % 3) + "\n";
    }
  folder.write("table.csv", table);
  folder.write("numbers.csv", with_numbers);
  ASSERT_EQ(train("of-folder", {"train.epochs=1"}).code, 0);
  const ProgramResult of_table =
      train("of-table", {"train.epochs=1", "data.train=" + folder.path("table.csv"), "data.label=kind"});
  ASSERT_EQ(of_table.code, 0) << of_table.err;
  EXPECT_EQ(file_text(folder.path("of-folder/model.safetensors")),
            file_text(folder.path("of-table/model.safetensors")));
  const std::string file = folder.path("numbers.csv");
  const ProgramResult numbers =
      train("of-numbers", {"train.epochs=1", "data.train=" + file, "data.test=" + file,
                           "data.task=regression", "data.standardize_target=true"});
  ASSERT_EQ(numbers.code, 0) << numbers.err;
  EXPECT_TRUE(json_lines(predictions("of-numbers", "test")).at(0).at("value").is_number());
  const ProgramResult eval = run("eval", {"--model", folder.path("of-numbers"), "--set", "data.test=" + file,
                                          "--set", "data.task=regression"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_EQ(json::parse(eval.out).at("rmse"),
            json::parse(file_text(folder.path("of-numbers/run.json"))).at("test").at("rmse"));
}

// As transformers has it, which hears the silence behind a sound too: its folder says nothing else.
TEST_F(CliSoundClasses, AFolderWithItsHeadIsUsedAsItIs) {
  ASSERT_EQ(train("run", {"model.audio_context=full", "train.epochs=3"}).code, 0);
  const std::string expected = predictions("run", "test");
  std::filesystem::remove(folder.path("run/preprocess.json"));
  EXPECT_EQ(predictions("run", "test"), expected);
  const ProgramResult again = train("again", {"model.from=" + folder.path("run"), "train.epochs=0"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(predictions("again", "test"), expected);
  EXPECT_EQ(file_text(folder.path("again/model.safetensors")),
            file_text(folder.path("run/model.safetensors")));
  // Classes that are others take a new head, a transcript another kind of head.
  std::filesystem::rename(folder.path("train/high"), folder.path("train/bell"));
  const ProgramResult other = train(
      "other", {"model.from=" + folder.path("run"), "train.epochs=0", "data.test=" + folder.path("train")});
  ASSERT_EQ(other.code, 0) << other.err;
  expect_has(other.err, "the head is new: its labels differ from the task's");
  write_tones(folder, "said", 8, 3);
  const std::string table = folder.path("tones/said.csv");
  const ProgramResult said =
      train("said", {"model.from=" + folder.path("run"), "train.epochs=1", "data.task=transcription",
                     "data.train=" + table, "data.test=" + table});
  ASSERT_EQ(said.code, 0) << said.err;
  expect_has(said.err, "the head is new");
}

TEST_F(CliSoundClasses, AFrozenEncoderHearsEachSoundOnce) {
  const ProgramResult plan = run("plan", {"--strategy", "head"});
  ASSERT_EQ(plan.code, 0) << plan.err;
  expect_has(plan.out, "what pooling gives is computed once for each sample");
  Strings weights;
  for (const char* cache : {"train.cache=auto", "train.cache=off"}) {
    ASSERT_EQ(train(cache, {cache, "strategy.name=head", "train.epochs=3"}).code, 0);
    weights.push_back(file_text(folder.path(std::string(cache) + "/model.safetensors")));
  }
  EXPECT_EQ(weights[0], weights[1]);
  const ProgramResult masked =
      train("masked", {"data.augment=[\"specaugment\"]", "strategy.name=head", "train.epochs=3"});
  ASSERT_EQ(masked.code, 0) << masked.err;
  EXPECT_NE(file_text(folder.path("masked/model.safetensors")), weights[0]);
}

TEST_F(CliSoundClasses, StrategiesAreComparedWithBaselines) {
  const ProgramResult compared =
      run("compare", {"--out", folder.path("compared"), "--seeds", "2", "--no-tune", "--strategies",
                      "full,head", "--set", "train.epochs=2"});
  ASSERT_EQ(compared.code, 0) << compared.err;
  const std::string rows = file_text(folder.path("compared/results.csv"));
  for (const char* strategy : {"\nfull,", "\nhead,", "\nmajority,", "\nprobe,", "\nscratch,"})
    expect_has(rows, strategy);
}

TEST_F(CliSoundClasses, RawSoundIsHeardAsItsModelDoes) {
  write_wave_model(folder);
  const ProgramResult trained =
      train("run", {"model.from=" + folder.path("wave"), "train.lr=0.01", "train.epochs=60"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_GT(accuracy("run"), 0.75);
  EXPECT_EQ(json::parse(file_text(folder.path("run/config.json"))).at("architectures"),
            json({"Wav2Vec2ForSequenceClassification"}));
  const std::string expected = predictions("run", "test");
  std::filesystem::remove(folder.path("run/preprocess.json"));
  EXPECT_EQ(predictions("run", "test"), expected);
}

TEST_F(CliSoundClasses, WhatIsWrongIsSaidInOneLine) {
  const auto make = [&](const std::string& path) { std::filesystem::create_directories(folder.path(path)); };
  const auto with = [&](const std::string& name) { return Strings{"data.train=" + folder.path(name)}; };
  make("none");
  expect_has(error_of(with("none")), "the folder has no sounds in it");
  make("half/a");
  folder.write("half/b.wav", "");
  expect_has(error_of(with("half")), "1 sound stands beside the class folders");
  std::filesystem::remove(folder.path("half/b.wav"));
  make("half/b");
  folder.write("half/b/1.wav", wav_bytes(std::vector<float>(4000, 0.1F), 16000));
  expect_has(error_of(with("half")), "no sound is in the class folder \"a\"");
  folder.write("half/a/notes.txt", "words");
  expect_has(error_of(with("half")), "or put WAV, FLAC or Ogg files there");
  folder.write("half/a/1.wav", "These are words, no sound.");
  expect_has(error_of(with("half")), "not a sound file (" + folder.path("half/a/1.wav"));
  folder.write("half/a/2.wav", "RIFF");
  expect_has(error_of(with("half")), "2 files of " + folder.path("half") + " cannot be read as sounds");
  std::filesystem::remove(folder.path("half/a/2.wav"));
  folder.write("half/a/1.wav", wav_bytes(std::vector<float>(16001, 0.1F), 16000));
  const std::string too_long = error_of(with("half"));
  expect_has(too_long, "the model hears 1 s at once (" + folder.path("half/a/1.wav"));
  folder.write("half/a/1.wav", wav_bytes({}, 16000));
  expect_has(error_of(with("half")), "the sound is empty (" + folder.path("half/a/1.wav"));
  // Pages of one stream: its beginning, and what it holds.
  const auto page = [](char flags) {
    return std::string("OggS") + '\0' + flags + std::string(20, '\0') + "\1\3abc";
  };
  EXPECT_FALSE(is_chained_ogg(page(2) + page(2) + page(0) + page(4)));
  EXPECT_TRUE(is_chained_ogg(page(2) + page(0) + page(4) + page(2) + page(0)));
  EXPECT_FALSE(is_chained_ogg(page(2) + page(0) + page(4) + "OggS"));
  make("parts/train");
  make("parts/test");
  folder.write("parts/train/1.wav", wav_bytes(std::vector<float>(4000, 0.1F), 16000));
  expect_has(error_of(with("parts")), "which are parts of the data and no classes");

  expect_has(error_of({"data.task=transcription"}),
             "a folder of sounds says their classes, not their transcripts");
  expect_has(error_of({"data.task=regression"}), "not their numbers");
  expect_has(error_of({"data.train=" + folder.path("train/low/1.wav")}), "a sound file has no label");
  for (const char* name : {"01", "1"}) {
    std::filesystem::create_directories(folder.path(std::string("numbers/") + name));
    folder.write(std::string("numbers/") + name + "/a.wav", wav_bytes(std::vector<float>(4000, 0.1F), 16000));
  }
  const std::string one_class = error_of(with("numbers"));
  expect_has(one_class, "labels that are equal numbers, as 1 and 01, are one");
  EXPECT_EQ(one_class.find("regression"), std::string::npos) << one_class;
  expect_has(error_of({"data.group=speaker"}), "sounds have no columns");
  expect_has(error_of({"model.decoder=ctc"}), "model.decoder is for speech to text");
  expect_has(error_of({"model.from=mlp"}), "the folder has no pictures in it");
  expect_has(error_of({"data.standardize=train"}), "takes sound");
  const ProgramResult exported = run("export", {"--out", folder.path("script.py")});
  EXPECT_EQ(exported.code, 2);
  expect_has(exported.err, "has no classifier of sounds");
}

TEST_F(CliSoundClasses, AFolderThatIsNotWhatItSaysIsRefused) {
  ASSERT_EQ(train("run", {"train.epochs=1"}).code, 0);
  json preprocess = json::parse(file_text(folder.path("run/preprocess.json")));
  preprocess["task"] = "transcription";
  folder.write("run/preprocess.json", preprocess.dump());
  const auto error_of_predict = [&] {
    const ProgramResult result =
        run_program({"predict", "--model", folder.path("run"), "--input", folder.path("test")});
    EXPECT_EQ(result.code, 2) << result.err;
    return result.err;
  };
  expect_has(error_of_predict(), "'task' is not the model's");
  std::filesystem::remove(folder.path("run/preprocess.json"));
  json config = json::parse(file_text(folder.path("run/config.json")));
  config["use_weighted_layer_sum"] = true;
  folder.write("run/config.json", config.dump());
  expect_has(error_of_predict(), "the model's head is one on a weighted sum of all layers");
  config["use_weighted_layer_sum"] = false;
  config["classifier_proj_size"] = -1;
  folder.write("run/config.json", config.dump());
  expect_has(error_of_predict(), "size below its classifier is -1");
}

}  // namespace
}  // namespace thaw::test
