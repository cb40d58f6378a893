// The rows of the config table for [model].
#include <gtest/gtest.h>

#include <filesystem>

#include "core/ops.h"
#include "nn/io/safetensors.h"
#include "tests/support/config_table.h"
#include "tests/support/files.h"
#include "tests/support/picture_folder.h"
#include "tests/support/speech_folder.h"
#include "tests/support/text_model.h"

namespace thaw::test {
namespace {

using Runs = std::vector<ConfigRun>;

const char* const kStart = "train.epochs=0";  // nothing but the weights that a run begins with

std::size_t size_of(const ConfigRun& run, const std::string& weight) {
  const auto found = run.weights.find(weight);
  return found == run.weights.end() ? 0 : found->second.size();
}

// Images, which a cnn takes.
Setup few_digits() {
  return {
      "[data]\ntrain = \"builtin:digits\"\nrows = [0, 60]\n[model]\nfrom = \"cnn\"\n[train]\nepochs = 0\n"};
}

// The small table, and a run on it in pre/.
Setup table_with_a_run() {
  Setup setup = small_table();
  setup.text = "[data]\ntrain = \"t.csv\"\n[train]\nepochs = 1\n";
  setup.prepare = [text = setup.text](const TemporaryFolder& folder) {
    EXPECT_EQ(train(folder, text, {"train.seed=9", "train.lr=0.1"}, "pre").error, "");
  };
  return setup;
}

KeyRow from() {
  return train_row("model.from", {"\"mlp\"", "\"cnn\""}, few_digits(), {},
                   [](const Runs& runs, const Again& again) {
                     EXPECT_EQ(size_of(runs[0], "layers.0.weight"), 64u * 64) << runs[0].error;
                     EXPECT_EQ(size_of(runs[1], "stem.conv.weight"), 16u * 9) << runs[1].error;
                     EXPECT_EQ(again({"model.from=" + runs[0].folder}).weights, runs[0].weights);
                   });
}

KeyRow hidden() {
  return train_row("model.hidden", {"[4]", "[5, 3]"}, small_table(), {kStart},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(size_of(runs[0], "layers.0.weight"), 3u * 4);
                     EXPECT_EQ(size_of(runs[0], "head.weight"), 4u * 3);
                     EXPECT_EQ(size_of(runs[0], "layers.1.weight"), 0u);
                     EXPECT_EQ(size_of(runs[1], "layers.0.weight"), 3u * 5);
                     EXPECT_EQ(size_of(runs[1], "layers.1.weight"), 5u * 3);
                     EXPECT_EQ(size_of(runs[1], "head.weight"), 3u * 3);
                   });
}

KeyRow width() {
  return train_row("model.width", {"4", "6"}, few_digits(), {"model.depth=1"},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(size_of(runs[0], "stem.conv.weight"), 4u * 9) << runs[0].error;
                     EXPECT_EQ(size_of(runs[1], "stem.conv.weight"), 6u * 9);
                     EXPECT_EQ(size_of(runs[1], "head.weight"), 10u * 6);
                   });
}

KeyRow depth() {
  return train_row(
      "model.depth", {"1", "2"}, few_digits(), {"model.width=4"}, [](const Runs& runs, const Again&) {
        EXPECT_EQ(size_of(runs[0], "layers.1.conv1.weight"), 0u);
        EXPECT_EQ(size_of(runs[1], "layers.1.conv1.weight"), 8u * 4 * 9) << "a block has twice the channels";
        EXPECT_EQ(size_of(runs[1], "head.weight"), 10u * 8);
      });
}

KeyRow init() {
  return train_row("model.init", {"", "\"pre/model.safetensors\""}, table_with_a_run(), {kStart},
                   [](const Runs& runs, const Again& again) {
                     const Weights trained = again({"model.from=pre"}).weights;
                     EXPECT_FALSE(trained.empty());
                     EXPECT_EQ(runs[1].weights, trained);
                     for (const auto& [name, values] : runs[0].weights)
                       EXPECT_NE(values, trained.at(name)) << name;
                   });
}

KeyRow pretrained() {
  return train_row("model.pretrained", {"true", "false"}, table_with_a_run(), {kStart, "model.from=pre"},
                   [](const Runs& runs, const Again& again) {
                     const Settings init = {"model.from=mlp", "model.init=pre/model.safetensors"};
                     const Weights trained = again(init).weights;
                     EXPECT_EQ(runs[0].weights, trained);
                     // As the architecture would be drawn without the folder.
                     EXPECT_EQ(runs[1].weights, again({"model.from=mlp"}).weights);
                     EXPECT_NE(runs[1].weights, trained);
                   });
}

// Every sample has 64 hidden units that are 1, of which the head adds up half and takes off the other half:
// its output is 0, and with dropout p its mean square is p / (1 - p) times the 64 squares.
Setup sum_of_ones() {
  Setup setup;
  setup.text =
      "[data]\ntrain = \"ones.csv\"\ntask = \"regression\"\nvalidation_fraction = 0.5\nstandardize = false\n"
      "[model]\nhidden = [64]\ninit = \"sum.safetensors\"\n[train]\nepochs = 1\nbatch_size = 0\nlr = 1e-30\n";
  std::string csv = "x,label\n";
  for (int i = 0; i < 2000; ++i)
    csv += std::to_string(1 + i * 1e-6) + ",0\n";  // rows that are equal stay together
  setup.files["ones.csv"] = csv;
  setup.prepare = [](const TemporaryFolder& folder) {
    std::vector<double> head;
    for (int i = 0; i < 64; ++i) head.push_back(i % 2 == 0 ? 0.1 : -0.1);
    save_safetensors(folder.path("sum.safetensors"), {{"layers.0.weight", ones({64, 1})},
                                                      {"layers.0.bias", zeros({64})},
                                                      {"head.weight", from_vector(head, {1, 64})},
                                                      {"head.bias", zeros({1})}});
  };
  return setup;
}

KeyRow dropout() {
  return train_row("model.dropout", {"", "0.5", "0.2"}, sum_of_ones(), {},
                   [](const Runs& runs, const Again&) {
                     const double squares = 64 * 0.01;
                     EXPECT_NEAR(runs[0].losses().at(0), 0, 1e-9) << runs[0].error;
                     EXPECT_NEAR(runs[1].losses().at(0), squares * 0.5 / 0.5, 0.2 * squares);
                     EXPECT_NEAR(runs[2].losses().at(0), squares * 0.2 / 0.8, 0.2 * squares * 0.25);
                     for (const ConfigRun& run : runs)
                       EXPECT_NEAR(run.validation("loss"), 0, 1e-9) << "none in evaluation";
                   });
}

Setup sentences() {
  return {
      "[data]\ntrain = \"s.csv\"\nvalidation_fraction = 0\n[model]\nfrom = \"bert\"\n"
      "[train]\nepochs = 1\nbatch_size = 4\nshuffle = false\n",
      {{"s.csv",
        "text,label\nthe film was good and warm,good\nthe end was bad and the story dull,bad\n"
        "a fine story,good\na cold film,bad\n"},
       {"cut.csv", "text,label\nthe film was,good\nthe end was,bad\na fine story,good\na cold film,bad\n"}},
      [](const TemporaryFolder& folder) { write_text_model(folder.path("bert")); }};
}

KeyRow max_length() {
  return train_row("model.max_length", {"", "5"}, sentences(), {}, [](const Runs& runs, const Again& again) {
    const Settings cut = {"data.train=cut.csv"};
    EXPECT_EQ(runs[1].losses(), again(cut).losses()) << "three words between [CLS] and [SEP]";
    EXPECT_NE(runs[0].losses(), runs[1].losses());
    EXPECT_EQ(runs[1].preprocess.at("max_length"), 5);
  });
}

// A model's folder that says the same.
Settings folder_with_pooling(const TemporaryFolder& folder, const std::string& pooling) {
  const std::string path = folder.path("bert-" + pooling);
  write_text_model(path);
  std::filesystem::create_directory(path + "/1_Pooling");
  folder.write("bert-" + pooling + "/1_Pooling/config.json", "{\"pooling_mode\": \"" + pooling + "\"}");
  return {"model.from=" + path};
}

KeyRow pooling() {
  return train_row("model.pooling", {"\"mean\"", "\"cls\"", "\"pooler\"", "\"lasttoken\""}, sentences(), {},
                   [](const Runs& runs, const Again& again) {
                     const TemporaryFolder folders = TemporaryFolder::in_memory();
                     for (int i = 0; i < 3; ++i) EXPECT_EQ(runs[i].error, "");
                     for (const auto& [i, name] : std::map<int, std::string>{{0, "mean"}, {1, "cls"}})
                       EXPECT_EQ(runs[i].losses(), again(folder_with_pooling(folders, name)).losses())
                           << name;
                     EXPECT_NE(runs[0].losses(), runs[1].losses());
                     EXPECT_NE(runs[0].losses(), runs[2].losses());
                     EXPECT_NE(runs[1].losses(), runs[2].losses()) << "the pooler has a layer of its own";
                     EXPECT_NE(runs[3].error.find("'lasttoken'"), std::string::npos) << "a BERT has none";
                   });
}

Setup tones() {
  return {
      "[data]\ntask = \"transcription\"\ntrain = \"tones/t.csv\"\nvalidation_fraction = 0\n[model]\nfrom = "
      "\"whisper\"\n"
      "[train]\nepochs = 1\nbatch_size = 4\n",
      {},
      [](const TemporaryFolder& folder) {
        write_speech_model(folder);
        write_tones(folder, "t", 8, 1);
      }};
}

KeyRow audio_context() {
  return train_row("model.audio_context", {"", "\"clip\"", "\"full\""}, tones(), {},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].losses(), runs[1].losses()) << runs[0].error;
                     EXPECT_NE(runs[1].losses(), runs[2].losses()) << "silence up to a second is heard too";
                     EXPECT_EQ(runs[0].preprocess.at("whole_context"), false);
                     EXPECT_EQ(runs[2].preprocess.at("whole_context"), true);
                   });
}

KeyRow decoder() {
  Setup setup = tones();
  setup.text.replace(setup.text.find("\"whisper\""), 9, "\"writer\"");
  setup.prepare = [](const TemporaryFolder& folder) {
    write_speech_writer(folder);
    write_tones(folder, "t", 8, 1);
  };
  return train_row("model.decoder", {"", "\"ctc\"", "\"seq2seq\""}, setup, {},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].losses(), runs[1].losses()) << runs[0].error;
                     EXPECT_NE(runs[1].losses(), runs[2].losses()) << runs[2].error;
                     EXPECT_EQ(runs[1].preprocess.at("labels"), nlohmann::json({"<pad>", "|", "a", "b"}));
                     EXPECT_EQ(runs[2].preprocess.at("labels"), nlohmann::json::array());
                   });
}

// Pictures of two classes, 12 to 20 pixels wide and high, which a cnn learns.
Setup stripes() {
  return {
      "[data]\ntrain = \"stripes\"\nvalidation_fraction = 0\n[model]\nfrom = \"cnn\"\nimage_size = 8\n"
      "[train]\nepochs = 1\nbatch_size = 4\n",
      {},
      [](const TemporaryFolder& folder) { write_stripes(folder, "stripes", 4, 1); }};
}

KeyRow image_size() {
  return train_row("model.image_size", {"8", "16"}, stripes(), {}, [](const Runs& runs, const Again&) {
    if (!reads_pictures()) return;
    EXPECT_EQ(runs[0].preprocess.at("sample_shape"), nlohmann::json({3, 8, 8})) << runs[0].error;
    EXPECT_EQ(runs[1].preprocess.at("sample_shape"), nlohmann::json({3, 16, 16})) << runs[1].error;
    EXPECT_NE(runs[0].losses(), runs[1].losses());
  });
}

}  // namespace

std::vector<KeyRow> model_key_rows() {
  return {from(),       hidden(),        golden_row("model.activation"),
          width(),      depth(),         init(),
          pretrained(), dropout(),       max_length(),
          pooling(),    audio_context(), decoder(),
          image_size()};
}

}  // namespace thaw::test
