// From a folder of pictures to predictions, as a user runs it.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "finetune/model/model_folder.h"
#include "nn/io/safetensors.h"
#include "tests/support/json_lines.h"
#include "tests/support/messages.h"
#include "tests/support/picture_folder.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

struct CliPictures : PictureTest {
  CliPictures() {
    write_stripes(folder, "train", 24, 1);
    write_stripes(folder, "test", 10, 2);
  }

  // A ViT of 8 x 8 pixels in colour, without weights of anybody's.
  void write_vit(const json& preprocessor) const {
    const json config = json::parse(file_text(THAW_SOURCE_DIR "/tests/golden/models/vit/config.json"));
    std::filesystem::create_directories(folder.path("vit"));
    const ModelConfig model = read_model_config(folder.write("vit/config.json", config.dump()));
    save_safetensors(folder.path("vit/model.safetensors"), merged_weights(*make_model(model, {.seed = 1})));
    folder.write("vit/preprocessor_config.json", preprocessor.dump());
  }

  std::string write_config(const std::string& model, const std::string& data = "",
                           const std::string& train = "epochs = 4\nlr = 0.01\n") const {
    return folder.write("stripes.toml", "[model]\n" + model +
                                            "[data]\ntrain = \"train\"\nvalidation = \"test\"\n" + data +
                                            "[train]\nbatch_size = 8\n" + train);
  }
  ProgramResult train(const std::string& config, const std::string& run, const Strings& more = {}) const {
    Strings arguments{"train", config, "--out", folder.path(run), "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  ProgramResult predict(const std::string& run, const std::string& input, const Strings& more = {}) const {
    Strings arguments{"predict", "--model", folder.path(run), "--input", folder.path(input)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  std::string weights_of(const std::string& run) const {
    return file_text(folder.path(run + "/model.safetensors"));
  }
  TemporaryFolder folder = TemporaryFolder::in_memory();
};

const std::string kCnn = "from = \"cnn\"\nwidth = 8\ndepth = 2\nimage_size = 16\n";

TEST_F(CliPictures, ANetworkLearnsAFolderAndTellsNewPictures) {
  const ProgramResult trained = train(write_config(kCnn), "run");
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "train: 48 samples");
  expect_has(trained.err, "pictures are resized to 16 x 16 (bilinear), in colour; they have 12 x");
  const ProgramResult eval =
      run_program({"eval", folder.path("stripes.toml"), "--model", folder.path("run")});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_GT(json::parse(eval.out).at("accuracy"), 0.9) << eval.out;

  const ProgramResult all = predict("run", "test");
  ASSERT_EQ(all.code, 0) << all.err;
  const std::vector<json> lines = json_lines(all.out);
  ASSERT_EQ(lines.size(), 20u);
  EXPECT_EQ(lines[3].at("image"), "across/3.png");
  const ProgramResult alone = predict("run", "test/across/3.png");
  ASSERT_EQ(alone.code, 0) << alone.err;
  EXPECT_EQ(json_lines(alone.out).at(0).at("logits"), lines[3].at("logits"));
  folder.write("some.csv", "image\ntest/across/3.png\ntest/down/1.png\n");
  const ProgramResult table = predict("run", "some.csv", {"--keep", "image", "--format", "csv"});
  ASSERT_EQ(table.code, 0) << table.err;
  expect_has(table.out, "\ntest/across/3.png,across,");
  expect_has(table.out, "\ntest/down/1.png,down,");
}

TEST_F(CliPictures, AFoldersProcessorIsFollowedInTheRunsFolderToo) {
  write_vit({{"image_processor_type", "ConvNextImageProcessor"},
             {"size", {{"shortest_edge", 8}}},
             {"crop_pct", 0.5},
             {"resample", 3},
             {"image_mean", {0.4, 0.5, 0.6}},
             {"image_std", {0.2, 0.3, 0.4}}});
  const std::string config = write_config("from = \"vit\"\n");
  const ProgramResult trained = train(config, "run", {"--json"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "resized to 16 on the shorter side (bicubic), the middle 8 x 8 of them, in colour");
  expect_has(trained.err, "images are normalised as ");
  EXPECT_EQ(trained.err.find("left out"), std::string::npos) << trained.err;
  const json preprocess = json::parse(file_text(folder.path("run/preprocess.json")));
  EXPECT_EQ(preprocess.at("mean"), json({0.4, 0.5, 0.6}));
  EXPECT_EQ(preprocess.at("picture").at("height"), 16);
  EXPECT_TRUE(std::filesystem::exists(folder.path("run/preprocessor_config.json")));
  std::filesystem::remove(folder.path("run/preprocessor_config.json"));
  const ProgramResult predicted = predict("run", "test");
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  expect_has(predicted.err, "resized to 16 on the shorter side (bicubic)");
  const ProgramResult again =
      train(config, "again", {"--set", "model.from=" + folder.path("run"), "--set", "train.epochs=0"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(predict("again", "test").out, predicted.out);
  const ProgramResult other = train(config, "other", {"--set", "model.image_size=12"});
  EXPECT_EQ(other.code, 2);
  expect_has(other.err, "are for pictures of 8 x 8 alone");
}

// A cnn takes any size: the weights of 16 x 16 go on at 20 x 20.
TEST_F(CliPictures, SizesChangeWhereTheWeightsAllowIt) {
  ASSERT_EQ(train(write_config(kCnn), "run").code, 0);
  const std::string more = write_config("from = \"run\"\nimage_size = 20\n");
  const ProgramResult larger = train(more, "larger");
  ASSERT_EQ(larger.code, 0) << larger.err;
  expect_has(larger.err, "resized to 20 x 20");
  const ProgramResult predicted = predict("larger", "test");
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  expect_has(predicted.err, "resized to 20 x 20");
}

// Images of an IDX file, 8 x 8 in grey, go to a model of 8 x 8 in colour and to one of 16 x 16.
TEST_F(CliPictures, ImagesInMemoryAreMadeAsTheModelTakesThem) {
  write_vit({{"size", 8}});
  const std::string digits =
      "[model]\nfrom = \"vit\"\n[data]\ntrain = \"builtin:digits\"\nlimit = 60\n[train]\nsteps = 2\n";
  const ProgramResult trained = train(folder.write("digits.toml", digits), "run");
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "in colour; they have 8 x 8 pixels");
  const ProgramResult predicted =
      run_program({"predict", "--model", folder.path("run"), "--input", "builtin:digits"});
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  EXPECT_EQ(json_lines(predicted.out).size(), 1797u);
  const ProgramResult eval = run_program({"eval", folder.path("digits.toml"), "--model", folder.path("run")});
  EXPECT_EQ(eval.code, 0) << eval.err;
}

TEST_F(CliPictures, AugmentationIsOfTrainingAloneAndResumesToTheSameBits) {
  const std::string augment = "augment = [\"flip\", \"crop\", \"color\", \"randaugment\"]\n";
  const std::string schedule = "epochs = 3\nlr = 0.01\n";
  ASSERT_EQ(train(write_config(kCnn, "", schedule), "plain").code, 0);
  const std::string config = write_config(kCnn, augment, schedule);
  ASSERT_EQ(train(config, "run").code, 0);
  EXPECT_NE(weights_of("run"), weights_of("plain"));
  ASSERT_EQ(train(config, "again", {"--set", "train.accumulation=1"}).code, 0);
  EXPECT_EQ(weights_of("again"), weights_of("run"));
  // With the last checkpoints and everything after them gone, it goes on from the second epoch.
  for (const auto& entry : std::filesystem::directory_iterator(folder.path("run/checkpoints")))
    if (entry.path().string().find("18") != std::string::npos) std::filesystem::remove_all(entry.path());
  for (const char* name : {"run.json", "model.safetensors", "config.json", "preprocess.json"})
    std::filesystem::remove(folder.path(std::string("run/") + name));
  const ProgramResult resumed = train(config, "run", {"--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(weights_of("run"), weights_of("again"));
}

TEST_F(CliPictures, TheCacheOfPrefixesKeepsAwayFromChangedPictures) {
  write_vit({{"size", 8}});
  const std::string config =
      write_config("from = \"vit\"\n", "augment = \"flip\"\n",
                   "epochs = 3\n[strategy]\nname = \"head\"\nfrozen_dropout = \"off\"\n");
  const ProgramResult plan = run_program({"plan", config});
  ASSERT_EQ(plan.code, 0) << plan.err;
  expect_has(plan.out + plan.err, "data.augment changes the inputs anew in each pass");
  ASSERT_EQ(train(config, "auto").code, 0);
  ASSERT_EQ(train(config, "off", {"--set", "train.cache=off"}).code, 0);
  EXPECT_EQ(weights_of("auto"), weights_of("off"));
  const ProgramResult without = run_program({"plan", config, "--set", "data.augment=[]"});
  EXPECT_EQ((without.out + without.err).find("anew in each pass"), std::string::npos) << without.out;
}

TEST_F(CliPictures, ComparisonsTakePictures) {
  write_vit({{"size", 8}});
  const std::string config = write_config("from = \"vit\"\n", "test = \"test\"\n", "epochs = 1\n");
  const std::string apart = folder.write("compare.toml", [&] {
    std::string text = file_text(config);
    text.replace(text.find("validation = \"test\""), 19, "validation_fraction = 0.25");
    return text;
  }());
  const ProgramResult run = run_program({"compare", apart, "--strategies", "full,head", "--seeds", "2",
                                         "--tune", "0", "--out", folder.path("compare")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(std::filesystem::exists(folder.path("compare/report.html")));
  expect_has(run.out, "probe");
}

TEST_F(CliPictures, WhatIsWrongIsSaidInOneLine) {
  const auto error_of = [&](const std::string& config, const Strings& settings = {}) {
    Strings more;
    for (const std::string& setting : settings) more.insert(more.end(), {"--set", setting});
    const ProgramResult run = train(config, "bad", more);
    EXPECT_EQ(run.code, 2) << run.err;
    return run.err;
  };
  expect_has(error_of(write_config("from = \"cnn\"\n")), "the pictures have several sizes");
  const std::string config = write_config(kCnn);
  expect_has(error_of(config, {"data.augment=blink"}), "data.augment");
  expect_has(error_of(config, {"data.corrupt=noise"}), "is for IDX images");
  expect_has(error_of(config, {"data.group=x"}), "images have no columns");
  expect_has(error_of(config, {"data.train=" + folder.path("train/across")}), "has no folders in it");
  folder.write("train/down/broken.png", file_text(folder.path("train/down/0.png")).substr(0, 30));
  expect_has(error_of(config), "broken.png");
  folder.write("t.csv", "a,b,label\n1,2,x\n3,4,y\n");
  expect_has(error_of(config, {"data.train=" + folder.path("t.csv")}), "there is no image column \"image\"");
  expect_has(error_of(folder.write("t.toml", "[data]\ntrain = \"t.csv\"\n"), {"model.image_size=8"}),
             "model.image_size is for pictures");
  const std::string table =
      folder.write("table.toml", "[data]\ntrain = \"t.csv\"\nvalidation_fraction = 0\n[train]\nsteps = 1\n");
  ASSERT_EQ(train(table, "table").code, 0);
  const ProgramResult pictures = predict("table", "test");
  EXPECT_EQ(pictures.code, 2);
  expect_has(pictures.err, "images have no columns");
  expect_has(error_of(folder.write("t.toml", "[data]\ntrain = \"t.csv\"\naugment = \"flip\"\n")),
             "data.augment is for pictures");
}

}  // namespace
}  // namespace thaw::test
