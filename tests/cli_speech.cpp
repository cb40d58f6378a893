// Speech from a table of sound files to a transcript, as a user runs it.
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

struct CliSpeech : ::testing::Test {
  CliSpeech() {
    write_speech_model(folder);
    write_tones(folder, "train", 32, 1);
    write_tones(folder, "test", 12, 2);
  }

  std::string write_config(const std::string& more = "") const {
    return folder.write(
        "tones.toml",
        "[model]\nfrom = \"whisper\"\n[data]\ntask = \"transcription\"\ntrain = \"tones/train.csv\"\n"
        "validation = \"tones/test.csv\"\n" +
            more + "[train]\nepochs = 40\nbatch_size = 8\nlr = 0.01\neval_every = \"never\"\n");
  }
  ProgramResult train(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"train", write_config(), "--out", folder.path("run"), "--threads",
                                       "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  TemporaryFolder folder = TemporaryFolder::in_memory();
};

TEST_F(CliSpeech, WhatIsLearntIsWrittenDown) {
  const ProgramResult trained = train();
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "the model writes 3 characters: the space, \"a\", \"b\"");
  const ProgramResult eval =
      run_program({"eval", folder.path("tones.toml"), "--model", folder.path("run"), "--json"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  const json metrics = json::parse(eval.out);
  EXPECT_LT(metrics.at("cer"), 0.2) << eval.out;
  EXPECT_GE(metrics.at("wer"), metrics.at("cer"));

  const ProgramResult table =
      run_program({"predict", "--model", folder.path("run"), "--input", folder.path("tones/test.csv")});
  ASSERT_EQ(table.code, 0) << table.err;
  const std::vector<json> lines = json_lines(table.out);
  ASSERT_EQ(lines.size(), 12U);
  const ProgramResult alone =
      run_program({"predict", "--model", folder.path("run"), "--input", folder.path("tones/test3.wav")});
  ASSERT_EQ(alone.code, 0) << alone.err;
  EXPECT_EQ(json_lines(alone.out).at(0), lines[3]) << "a sound by itself";
  const ProgramResult csv =
      run_program({"predict", "--model", folder.path("run"), "--input", folder.path("tones/test.csv"),
                   "--keep", "audio", "--format", "csv"});
  ASSERT_EQ(csv.code, 0) << csv.err;
  expect_has(csv.out, "audio,text\ntest0.wav,");
}

// The model's folder is one to start from: its characters stay.
TEST_F(CliSpeech, ARunStartsFromTheFolderOfAnother) {
  ASSERT_EQ(train({"--set", "train.epochs=2"}).code, 0);
  const ProgramResult again =
      run_program({"train", folder.path("tones.toml"), "--set", "model.from=" + folder.path("run"), "--set",
                   "train.epochs=0", "--out", folder.path("again")});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(file_text(folder.path("again/model.safetensors")),
            file_text(folder.path("run/model.safetensors")));
}

TEST_F(CliSpeech, FoldersOfHuggingFaceAndCommonVoiceAreRead) {
  const std::string csv = file_text(folder.path("tones/train.csv"));
  std::string metadata = csv;
  metadata.replace(0, csv.find('\n'), "file_name,transcription,level");
  folder.write("tones/metadata.csv", metadata);
  std::filesystem::create_directories(folder.path("voice/clips"));
  std::string tsv;
  for (const char c : csv) tsv += c == ',' ? '\t' : c;
  tsv.replace(0, tsv.find('\n'), "path\tsentence\tlevel");
  folder.write("voice/validated.tsv", tsv);
  for (int i = 0; i < 32; ++i)
    folder.write("voice/clips/train" + std::to_string(i) + ".wav",
                 file_text(folder.path("tones/train" + std::to_string(i) + ".wav")));
  ASSERT_EQ(train({"--set", "train.epochs=1"}).code, 0);
  for (const char* other : {"tones/metadata.csv", "voice/validated.tsv"}) {
    const std::string out = folder.path(std::string("of-") + (other[0] == 't' ? "tones" : "voice"));
    const ProgramResult run =
        run_program({"train", folder.path("tones.toml"), "--out", out, "--threads", "1", "--set",
                     "train.epochs=1", "--set", "data.train=" + folder.path(other)});
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(file_text(out + "/model.safetensors"), file_text(folder.path("run/model.safetensors")))
        << other;
  }
}

TEST_F(CliSpeech, WhatIsWrongIsSaidInOneLine) {
  const auto error_of = [&](const std::vector<std::string>& settings) {
    std::vector<std::string> arguments{"train", write_config(), "--out", folder.path("bad")};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    const ProgramResult run = run_program(arguments);
    EXPECT_EQ(run.code, 2) << run.err;
    return run.err;
  };
  folder.write("tones/gone.csv", "audio,text\nnowhere.wav,a\n");
  expect_has(error_of({"data.train=" + folder.path("tones/gone.csv")}), "nowhere.wav");
  expect_has(error_of({"data.train=" + folder.path("tones/gone.csv")}), "gone.csv:2");
  folder.write("tones/broken.wav", "RIFF");
  folder.write("tones/broken.csv", "audio,text\nbroken.wav,a\n");
  expect_has(error_of({"data.train=" + folder.path("tones/broken.csv")}), "broken.wav");
  folder.write("tones/long.wav", wav_bytes(std::vector<float>(16001, 0.1F), 16000));
  folder.write("tones/long.csv", "audio,text\nlong.wav,a\n");
  expect_has(error_of({"data.train=" + folder.path("tones/long.csv")}), "the model hears 1 s at once");
  expect_has(error_of({"data.task=classification"}), "for speech to text set data.task = \"transcription\"");
  expect_has(error_of({"model.from=mlp"}), "takes none");
  expect_has(error_of({"data.standardize=train"}), "takes sound");
  for (const char* setting :
       {"data.ignore=[\"x\"]", "data.features=[\"x\"]", "data.missing=median", "data.categories=[\"x\"]"})
    expect_has(error_of({setting}), "is for columns of numbers and categories, and here sounds are read");
  expect_has(error_of({"data.classes=[\"a\", \"b\", \"c\"]"}), "no alphabet");
  json features = json::parse(file_text(folder.path("whisper/preprocessor_config.json")));
  features["hop_length"] = 941;
  folder.write("whisper/preprocessor_config.json", features.dump());
  expect_has(error_of({}), "17 frames");
}

// In training alone, anew in each pass, so that nothing is kept of it.
TEST_F(CliSpeech, SpecAugmentHidesPartsInTraining) {
  const std::string augment = "data.augment=[\"specaugment\"]";
  ASSERT_EQ(train({"--set", "train.epochs=3"}).code, 0);
  const auto weights = [&](const char* run) {
    return file_text(folder.path(std::string(run) + "/model.safetensors"));
  };
  for (const char* out : {"masked", "again"}) {
    const ProgramResult run = run_program({"train", folder.path("tones.toml"), "--set", "train.epochs=3",
                                           "--set", augment, "--out", folder.path(out), "--threads", "1"});
    ASSERT_EQ(run.code, 0) << run.err;
  }
  EXPECT_EQ(weights("masked"), weights("again"));
  EXPECT_NE(weights("masked"), weights("run"));
  const ProgramResult plan =
      run_program({"plan", folder.path("tones.toml"), "--strategy", "head", "--set", augment});
  ASSERT_EQ(plan.code, 0) << plan.err;
  expect_has(plan.out, "data.augment changes the inputs anew in each pass");
  const ProgramResult flip = run_program(
      {"train", folder.path("tones.toml"), "--set", "data.augment=[\"flip\"]", "--out", folder.path("flip")});
  EXPECT_EQ(flip.code, 2);
  expect_has(flip.err, "of sounds data.augment has \"specaugment\" alone");
}

TEST_F(CliSpeech, RawSoundIsHeardAsItsModelDoes) {
  write_wave_model(folder);
  const std::string wave = "model.from=" + folder.path("wave");
  const ProgramResult trained = train({"--set", wave});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const ProgramResult eval =
      run_program({"eval", folder.path("tones.toml"), "--model", folder.path("run"), "--json"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_LT(json::parse(eval.out).at("cer"), 0.4) << eval.out;
  const json config = json::parse(file_text(folder.path("run/config.json")));
  EXPECT_EQ(config.at("architectures"), json({"Wav2Vec2ForCTC"}));
  const ProgramResult alone =
      run_program({"predict", "--model", folder.path("run"), "--input", folder.path("tones/test3.wav")});
  const ProgramResult table =
      run_program({"predict", "--model", folder.path("run"), "--input", folder.path("tones/test.csv")});
  EXPECT_EQ(json_lines(alone.out).at(0), json_lines(table.out).at(3));
  const auto error_of = [&](const std::string& setting) {
    const ProgramResult run = run_program(
        {"train", folder.path("tones.toml"), "--set", wave, "--set", setting, "--out", folder.path("bad")});
    EXPECT_EQ(run.code, 2) << run.err;
    return run.err;
  };
  folder.write("tones/brief.wav", wav_bytes(std::vector<float>(1023, 0.1F), 16000));
  folder.write("tones/brief.csv", "audio,text\nbrief.wav,a\n");
  expect_has(error_of("data.train=" + folder.path("tones/brief.csv")), "the model needs 0.064 s");
  expect_has(error_of("model.audio_context=full"), "is for models with a longest sound");
  expect_has(error_of("model.decoder=seq2seq"), "has no decoder");
  expect_has(error_of("data.augment=[\"specaugment\"]"), "takes raw sound");
}

TEST_F(CliSpeech, SoundsThatCannotBeLearntAreSaid) {
  folder.write("tones/short.csv", "audio,text\ntrain0.wav,ab\ntrain1.wav,ababababababab\ntrain2.wav,ba\n");
  const ProgramResult run =
      train({"--set", "data.train=" + folder.path("tones/short.csv"), "--set", "train.epochs=1"});
  ASSERT_EQ(run.code, 0) << run.err;
  expect_has(run.err, "1 sound of ");
  expect_has(run.err, "is too short for its transcript (first: row 2): nothing is learnt from it");
  const ProgramResult eval = run_program({"eval", folder.path("tones.toml"), "--model", folder.path("run"),
                                          "--set", "data.test=" + folder.path("tones/short.csv")});
  ASSERT_EQ(eval.code, 0) << eval.err;
  expect_has(eval.err, "and the loss of an evaluation leaves it out");
}

TEST_F(CliSpeech, WhatTranscriptsAndRatesMayMeanIsSaid) {
  folder.write("tones/slow.wav", wav_bytes(std::vector<float>(4000, 0.1F), 8000));
  folder.write("tones/odd.csv", "audio,text\ntrain0.wav,ab\nslow.wav,nan\ntrain0.wav,ba\n");
  folder.write("tones/again.csv", "audio,text\ntrain0.wav,b\ntrain1.wav,a\n");
  const ProgramResult run = train({"--set", "data.train=" + folder.path("tones/odd.csv"), "--set",
                                   "train.epochs=1", "--set", "data.test=" + folder.path("tones/again.csv")});
  ASSERT_EQ(run.code, 0) << run.err;
  expect_has(run.err, "1 transcript is no word but what stands for a missing one (first: \"nan\"");
  expect_has(run.err, "of 8000 to 16000 Hz, resampled to 16000");
  expect_has(run.err, "has what an earlier row has, under another transcript (first: row 3 is row 1)");
  expect_has(run.err, "again.csv has what rows of");
  expect_has(run.err, "under another transcript (first: row 1 is row 1)");
}

TEST_F(CliSpeech, AFolderThatIsNotWhatItSaysIsRefused) {
  ASSERT_EQ(train({"--set", "train.epochs=1"}).code, 0);
  const auto error_of = [&](const std::string& model) {
    const ProgramResult run =
        run_program({"predict", "--model", folder.path(model), "--input", folder.path("tones/test.csv")});
    EXPECT_EQ(run.code, 2) << run.err;
    return run.err;
  };
  expect_has(error_of("whisper"), "train a recogniser from it");
  const json right = json::parse(file_text(folder.path("run/preprocess.json")));
  json wrong = right;
  wrong["task"] = "classification";
  folder.write("run/preprocess.json", wrong.dump());
  expect_has(error_of("run"), "'task' is not the model's");
  wrong = right;
  wrong["labels"] = json::array();
  folder.write("run/preprocess.json", wrong.dump());
  expect_has(error_of("run"), "are no alphabet");
}

}  // namespace
}  // namespace thaw::test
