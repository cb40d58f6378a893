// The rows of the config table for [data]: files, their columns, and texts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
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
using Strings = std::vector<std::string>;

Setup two_files() {
  Setup setup = small_table();
  setup.files["other.csv"] = clusters_csv(24, 2);
  return setup;
}

KeyRow train_file() {
  return train_row("data.train", {"\"t.csv\"", "\"other.csv\""}, two_files(), {"data.validation_fraction=0"},
                   [](const Runs& runs, const Again&) {
                     EXPECT_TRUE(runs[0].said("t.csv: 40 samples"));
                     EXPECT_EQ(runs[0].updates.size(), 5u);
                     EXPECT_TRUE(runs[1].said("other.csv: 24 samples"));
                     EXPECT_EQ(runs[1].updates.size(), 3u);
                   });
}

KeyRow validation() {
  return train_row("data.validation", {"", "\"other.csv\""}, two_files(), {},
                   [](const Runs& runs, const Again& again) {
                     EXPECT_EQ(runs[0].updates.size(), 4u);
                     EXPECT_EQ(runs[1].updates.size(), 5u) << "nothing is split off";
                     const ConfigRun tested = again({"data.test=other.csv", "data.validation_fraction=0"});
                     EXPECT_EQ(runs[1].report.at("validation"), tested.report.at("test"));
                   });
}

KeyRow test() {
  return train_row("data.test", {"", "\"other.csv\""}, two_files(), {},
                   [](const Runs& runs, const Again& again) {
                     EXPECT_TRUE(runs[0].report.at("test").empty());
                     EXPECT_EQ(runs[1].report.at("test_evaluations"), 1);
                     EXPECT_EQ(runs[1].weights, runs[0].weights);
                     const ConfigRun tested = again({"train.epochs=0", "data.test=other.csv"});
                     const ConfigRun validated = again({"train.epochs=0", "data.validation=other.csv"});
                     EXPECT_EQ(tested.report.at("test"), validated.report.at("validation"));
                   });
}

// A row for each sample; three columns of numbers, one of which may be the target, and two of words.
Setup many_columns() {
  std::string csv = "p,q,r,kind,label\n";
  for (int i = 0; i < 16; ++i)
    csv += std::to_string(i % 5) + "," + std::to_string(i % 7 - 3) + "," + std::to_string(i * 0.25) +
           (i % 3 == 0 ? ",north" : ",south") + (i % 2 == 0 ? ",yes\n" : ",no\n");
  return {"[data]\ntrain = \"t.csv\"\nvalidation_fraction = 0\n[model]\nhidden = [3]\n[train]\nepochs = 1\n",
          {{"t.csv", csv}}};
}

KeyRow label() {
  return train_row("data.label", {"", "\"kind\""}, many_columns(), {"data.features=[\"p\", \"q\"]"},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].preprocess.at("labels"), (Strings{"no", "yes"})) << runs[0].error;
                     EXPECT_EQ(runs[1].preprocess.at("labels"), (Strings{"north", "south"})) << runs[1].error;
                     EXPECT_EQ(runs[1].preprocess.at("columns"), (Strings{"p", "q"}));
                   });
}

// Squares of the distance to numbers, or the logarithms of shares of classes that are numbers.
KeyRow task() {
  return train_row("data.task", {"\"classification\"", "\"regression\""}, many_columns(),
                   {"data.features=[\"p\", \"q\"]", "data.label=r", "data.validation=t.csv"},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].weights.at("head.bias").size(), 16u) << runs[0].error;
                     EXPECT_EQ(runs[1].weights.at("head.bias").size(), 1u) << runs[1].error;
                     EXPECT_NEAR(runs[1].validation("rmse"), std::sqrt(runs[1].validation("loss")), 1e-6);
                     EXPECT_FALSE(runs[0].report.at("validation").contains("rmse"));
                   });
}

KeyRow features() {
  return train_row("data.features", {"[\"r\", \"p\"]", "[\"?\"]"}, many_columns(), {},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].preprocess.at("columns"), (Strings{"p", "r"})) << runs[0].error;
                     EXPECT_EQ(runs[1].preprocess.at("columns"), (Strings{"p", "q", "r"})) << runs[1].error;
                     EXPECT_EQ(runs[0].weights.at("layers.0.weight").size(), 3u * 2);
                   });
}

KeyRow ignore() {
  return train_row("data.ignore", {"[\"kind\"]", "[\"kind\", \"q\"]"}, many_columns(), {},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].preprocess.at("columns"), (Strings{"p", "q", "r"})) << runs[0].error;
                     EXPECT_EQ(runs[1].preprocess.at("columns"), (Strings{"p", "r"})) << runs[1].error;
                   });
}

KeyRow separator() {
  Setup setup = many_columns();
  std::replace(setup.files["t.csv"].begin(), setup.files["t.csv"].end(), ',', '~');
  return train_row("data.separator", {"", "\"~\""}, setup, {"data.ignore=[\"kind\"]"},
                   [](const Runs& runs, const Again&) {
                     EXPECT_NE(runs[0].error, "") << "a comma is looked for";
                     EXPECT_EQ(runs[1].preprocess.at("columns"), (Strings{"p", "q", "r"})) << runs[1].error;
                   });
}

KeyRow quote() {
  Setup setup = many_columns();
  setup.files["t.csv"] = "p,label\n1,\"yes\"\n2,\"no\"\n3,\"yes\"\n4,\"no\"\n";
  return train_row("data.quote", {"", "\"csv\"", "\"none\""}, setup, {}, [](const Runs& runs, const Again&) {
    EXPECT_EQ(runs[0].preprocess.at("labels"), (Strings{"no", "yes"}));
    EXPECT_EQ(runs[1].preprocess.at("labels"), (Strings{"no", "yes"}));
    EXPECT_EQ(runs[2].preprocess.at("labels"), (Strings{"\"no\"", "\"yes\""}));
  });
}

// -- texts

const char* const kTypes = "bert.embeddings.token_type_embeddings.weight";

// A text model; the columns stand beside each other under other names in the further files.
Setup texts() {
  Setup setup = {
      "[data]\ntrain = \"s.csv\"\nvalidation_fraction = 0\n[model]\nfrom = \"bert\"\n"
      "[train]\nepochs = 1\nbatch_size = 2\nshuffle = false\n"};
  setup.prepare = [](const TemporaryFolder& folder) {
    write_text_model(folder.path("bert"));
    save_safetensors(folder.path("alike.safetensors"), {{kTypes, zeros({2, 16})}});
  };
  const Strings first = {"the film was good", "a dark end", "the music", "cold story"};
  const Strings second = {"bad actor", "the scene was fine", "dull and dark", "a warm film"};
  std::string &both = setup.files["s.csv"], &seconds = setup.files["seconds.csv"],
              &joined = setup.files["joined.csv"];
  both = "text,note,label\n";
  seconds = joined = "text,label\n";
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::string label = i % 2 == 0 ? ",x\n" : ",y\n";
    both += first[i] + "," + second[i] + label;
    seconds += second[i] + label;
    joined += first[i] + " [SEP] " + second[i] + label;
  }
  return setup;
}

KeyRow text() {
  return train_row("data.text", {"", "\"note\""}, texts(), {}, [](const Runs& runs, const Again& again) {
    EXPECT_EQ(runs[1].losses(), again({"data.train=seconds.csv"}).losses()) << runs[1].error;
    EXPECT_NE(runs[1].losses(), runs[0].losses());
  });
}

// The tokens are those of one text with [SEP] between its parts, but those of the second have another type.
KeyRow text_pair() {
  return train_row("data.text_pair", {"\"\"", "\"note\""}, texts(), {},
                   [](const Runs& runs, const Again& again) {
                     EXPECT_EQ(runs[0].losses(), again({}).losses()) << "this folder says nothing of pairs";
                     const std::vector<double> pairs = runs[1].losses(),
                                               joined = again({"data.train=joined.csv"}).losses();
                     ASSERT_EQ(pairs.size(), 2u) << runs[1].error;
                     EXPECT_NE(pairs, runs[0].losses());
                     EXPECT_NE(pairs, joined) << "the second text has a type of its own";
                     // In a model whose types are all alike they are the same.
                     const Settings alike = {"model.init=alike.safetensors"};
                     EXPECT_EQ(again(alike + Settings{"data.text_pair=note"}).losses().at(0),
                               again(alike + Settings{"data.train=joined.csv"}).losses().at(0));
                   });
}

// Words and an empty cell; a label that follows from neither.
Setup words() {
  return {"[data]\ntrain = \"t.csv\"\nvalidation_fraction = 0\nmissing = \"median\"\n[train]\nepochs = 1\n",
          {{"t.csv", "kind,x,label\nred,1,a\nblue,,b\ngreen,4,a\nred,3,b\n"}}};
}

KeyRow categories() {
  return train_row("data.categories", {"", "\"auto\"", "[\"k*\", \"x\"]"}, words(), {},
                   [](const Runs& runs, const Again&) {
                     EXPECT_NE(runs[0].error.find("data.categories"), std::string::npos) << runs[0].error;
                     EXPECT_EQ(runs[1].preprocess.at("sample_shape"), (std::vector<int>{5})) << runs[1].error;
                     EXPECT_EQ(runs[2].preprocess.at("sample_shape"), (std::vector<int>{7})) << runs[2].error;
                   });
}

KeyRow max_categories() {
  return train_row("data.max_categories", {"", "3", "2"}, words(), {"data.categories=auto"},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].error, "");
                     EXPECT_EQ(runs[1].losses(), runs[0].losses());
                     EXPECT_NE(runs[2].error.find("\"kind\" has 3 categories"), std::string::npos)
                         << runs[2].error;
                   });
}

KeyRow missing() {
  return train_row("data.missing", {"", "\"error\"", "\"median\""}, words(), {"data.ignore=[\"kind\"]"},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].error, "") << "the row's own config takes them";
                     EXPECT_NE(runs[1].error.find("data.missing"), std::string::npos) << runs[1].error;
                     EXPECT_EQ(runs[2].preprocess.at("encoding").at("columns").at(0).at("median"), 3);
                     EXPECT_EQ(runs[2].losses(), runs[0].losses());
                   });
}

KeyRow standardize_target() {
  return train_row("data.standardize_target", {"", "\"train\"", "true", "false"}, many_columns(),
                   {"data.features=[\"p\"]", "data.label=r", "data.task=regression"},
                   [](const Runs& runs, const Again& again) {
                     EXPECT_EQ(runs[3].losses(), runs[0].losses()) << runs[0].error;
                     EXPECT_EQ(runs[2].losses(), runs[1].losses());
                     EXPECT_NE(runs[1].losses(), runs[0].losses());
                     // 0, 0.25, .., 3.75
                     EXPECT_EQ(runs[1].preprocess.at("target_mean"), 1.875);
                     EXPECT_NEAR(runs[1].preprocess.at("target_deviation").get<double>(),
                                 0.25 * std::sqrt(255.0 / 12), 1e-12);
                     EXPECT_NE(again({"data.standardize_target=model"}).error, "");
                   });
}

KeyRow audio() {
  Setup setup{
      "[data]\ntask = \"transcription\"\ntrain = \"tones/t.csv\"\nvalidation_fraction = 0\n[model]\nfrom = "
      "\"whisper\"\n[train]\nepochs = 1\n"};
  setup.prepare = [](const TemporaryFolder& folder) {
    write_speech_model(folder);
    write_tones(folder, "t", 4, 1);
    std::string csv = file_text(folder.path("tones/t.csv"));
    csv.replace(0, csv.find('\n'), "audio,text,clip");  // the last column's numbers are no files
    folder.write("tones/t.csv", csv);
  };
  return train_row("data.audio", {"", "\"audio\"", "\"clip\""}, setup, {},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].losses(), runs[1].losses()) << runs[0].error;
                     EXPECT_FALSE(runs[0].losses().empty());
                     EXPECT_NE(runs[2].error.find("t.csv:2"), std::string::npos) << runs[2].error;
                     EXPECT_EQ(runs[0].preprocess.at("audio"), "audio");
                   });
}

KeyRow image() {
  Setup setup{
      "[data]\ntrain = \"t.csv\"\nvalidation_fraction = 0\n[model]\nfrom = \"cnn\"\nimage_size = 8\n"
      "[train]\nepochs = 1\n"};
  setup.prepare = [](const TemporaryFolder& folder) {
    write_stripes(folder, "stripes", 4, 1);
    std::string csv = "image,other,label\n";
    for (const char* kind : {"across", "down"})
      for (int i = 0; i < 4; ++i)
        csv += concat("stripes/", kind, '/', i, ".png,stripes/", kind, '/', 3 - i, ".png,", kind, '\n');
    folder.write("t.csv", csv);
  };
  return train_row("data.image", {"", "\"image\"", "\"other\"", "\"label\""}, setup, {},
                   [](const Runs& runs, const Again&) {
                     if (!reads_pictures()) return;
                     EXPECT_EQ(runs[0].losses(), runs[1].losses()) << runs[0].error;
                     EXPECT_FALSE(runs[0].losses().empty());
                     EXPECT_EQ(runs[0].preprocess.at("image"), "image");
                     EXPECT_EQ(runs[2].preprocess.at("image"), "other") << runs[2].error;
                     EXPECT_NE(runs[3].error.find("one column"), std::string::npos) << runs[3].error;
                   });
}

}  // namespace

std::vector<KeyRow> column_key_rows() {
  return {train_file(),
          validation(),
          test(),
          label(),
          text(),
          task(),
          text_pair(),
          features(),
          ignore(),
          separator(),
          quote(),
          audio(),
          image(),
          categories(),
          max_categories(),
          missing(),
          standardize_target()};
}

}  // namespace thaw::test
