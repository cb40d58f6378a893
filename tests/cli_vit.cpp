// A ViT's folder says in preprocessor_config.json how its images are scaled.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "finetune/model/model_folder.h"
#include "nn/io/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

constexpr const char* kFile = "preprocessor_config.json";
constexpr int kImages = 24, kPixels = 64;

std::string idx_header(const std::vector<int>& sizes) {
  std::string header{0, 0, 8, static_cast<char>(sizes.size())};
  for (const int size : sizes) header += {0, 0, 0, static_cast<char>(size)};
  return header;
}

struct CliVit : ::testing::Test {
  CliVit() {
    json config = json::parse(file_text(THAW_SOURCE_DIR "/tests/golden/models/vit/config.json"));
    config["num_channels"] = 1;
    std::filesystem::create_directories(folder.path("vit"));
    const ModelConfig model = read_model_config(folder.write("vit/config.json", config.dump()));
    save_safetensors(folder.path("vit/model.safetensors"), merged_weights(*make_model(model, {.seed = 1})));
    write_images("images", 1);
    write_images("bright-images", 2);
  }

  // Two classes of images of 8 x 8, every pixel a number below 128 times `factor`.
  void write_images(const std::string& name, int factor) const {
    std::string images = idx_header({kImages, 8, 8}), labels = idx_header({kImages});
    for (int i = 0; i < kImages; ++i) {
      labels += static_cast<char>(i % 2);
      for (int p = 0; p < kPixels; ++p)
        images += static_cast<char>(factor * ((i * 31 + p * (1 + i % 2)) % 128));
    }
    folder.write(name + "-idx3-ubyte", images);
    std::string beside = name;
    beside.replace(beside.find("images"), 6, "labels");
    folder.write(beside + "-idx1-ubyte", labels);
  }

  void write_preprocessor(const json& keys) const { folder.write(std::string("vit/") + kFile, keys.dump()); }

  std::string write_config(const std::string& images, const std::string& more = "",
                           const std::string& from = "vit") const {
    return folder.write(images + ".toml", "[model]\nfrom = \"" + from + "\"\n[data]\ntrain = \"" + images +
                                              "-idx3-ubyte\"\n" + more + "[train]\nsteps = 3\nlr = 1e-2\n");
  }

  ProgramResult train(const std::string& config, const std::string& run) const {
    return run_program({"train", config, "--json", "--out", folder.path(run)});
  }

  json preprocess_of(const std::string& run) const {
    return json::parse(file_text(folder.path(run + "/preprocess.json")));
  }

  TemporaryFolder folder;
};

// Divided by 1/2 is as if the image had twice the values.
TEST_F(CliVit, ImagesAreScaledAsTheFolderSays) {
  ASSERT_EQ(train(write_config("bright-images"), "bright").code, 0);
  const std::string config = write_config("images");
  int run = 0;
  for (const json& keys : {json{{"image_mean", {0}}, {"image_std", {0.5}}},
                           json{{"do_rescale", false}, {"image_mean", 0}, {"image_std", 127.5}},
                           json{{"rescale_factor", 2.0 / 255}, {"do_normalize", false}}}) {
    write_preprocessor(keys);
    const std::string name = "run" + std::to_string(++run);
    const ProgramResult trained = train(config, name);
    ASSERT_EQ(trained.code, 0) << trained.err;
    expect_has(trained.err, "images are normalised as " + folder.path("vit/") + kFile + " says");
    EXPECT_EQ(file_text(folder.path(name + "/model.safetensors")),
              file_text(folder.path("bright/model.safetensors")))
        << keys;
  }
}

TEST_F(CliVit, ARunsFolderScalesAlikeWhereverItIsUsed) {
  write_preprocessor({{"image_mean", {0}}, {"image_std", {0.5}}});
  const std::string config = write_config("images");
  ASSERT_EQ(train(config, "run").code, 0);
  ASSERT_EQ(train(write_config("bright-images", "", folder.path("run")), "again").code, 0);
  EXPECT_EQ(preprocess_of("again").at("deviation"), json(std::vector<double>(kPixels, 0.5)));

  std::filesystem::remove(folder.path(std::string("vit/") + kFile));
  const std::string bright = write_config("bright-images");
  ASSERT_EQ(train(bright, "bright").code, 0);
  const auto evaluate = [&](const std::string& data, const std::string& run) {
    const ProgramResult result = run_program({"eval", data, "--model", folder.path(run)});
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  EXPECT_EQ(evaluate(config, "run"), evaluate(bright, "bright"));
  write_preprocessor({{"image_mean", {0}}, {"image_std", {0.5}}});  // not counted again
  EXPECT_EQ(evaluate(config, "run"), evaluate(bright, "bright"));
  const auto predict = [&](const std::string& images, const std::string& run) {
    return run_program(
               {"predict", "--model", folder.path(run), "--input", folder.path(images + "-idx3-ubyte")})
        .out;
  };
  EXPECT_NE(predict("images", "run"), "");
  EXPECT_EQ(predict("images", "run"), predict("bright-images", "bright"));
}

// As transformers writes one: no preprocess.json, the classes in config.json.
TEST_F(CliVit, AFolderThatNoRunWroteIsUsedAsItsFileSays) {
  const auto predict = [&](const std::string& images) {
    return run_program(
        {"predict", "--model", folder.path("vit"), "--input", folder.path(images + "-idx3-ubyte"), "--json"});
  };
  const ProgramResult unknown = predict("images");
  EXPECT_EQ(unknown.code, 2);
  expect_has(unknown.err, kFile);
  write_preprocessor({{"image_mean", {0}}, {"image_std", {0.5}}});
  const ProgramResult half = predict("images");
  ASSERT_EQ(half.code, 0) << half.err;
  expect_has(half.err, "images are normalised as ");
  write_preprocessor({{"image_mean", {0}}, {"image_std", {1}}});
  EXPECT_EQ(predict("bright-images").out, half.out);
  EXPECT_NE(predict("images").out, half.out);
  EXPECT_EQ(json::parse(half.out.substr(0, half.out.find('\n')))["probabilities"].size(), 3u);
  const ProgramResult eval = run_program({"eval", write_config("images"), "--model", folder.path("vit")});
  EXPECT_EQ(eval.code, 0) << "labels 0 and 1 are rows 0 and 1 of three: " << eval.err;
}

TEST_F(CliVit, StandardizeGoesBeforeTheFolder) {
  write_preprocessor({{"image_mean", {0}}, {"image_std", {0.5}}});
  const ProgramResult trained = train(write_config("images", "standardize = \"train\"\n"), "run");
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "images are scaled as data.standardize says, not as ");
  EXPECT_NE(preprocess_of("run").at("mean"), json(std::vector<double>(kPixels, 0)));
  EXPECT_FALSE(std::filesystem::exists(folder.path(std::string("run/") + kFile)));
}

TEST_F(CliVit, WhatIsLeftOutIsSaid) {
  int runs = 0;
  const auto messages = [&](const json& keys) {
    write_preprocessor(keys);
    return run_program(
               {"train", write_config("images"), "--out", folder.path("run" + std::to_string(++runs))})
        .err;
  };
  expect_has(messages({{"size", 16}, {"do_pad", true}}),
             "asks for do_resize to 16 x 16, do_pad, which is left out: images are taken as they are");
  expect_has(messages({{"do_center_crop", true}, {"crop_size", {{"height", 4}, {"width", 5}}}}),
             "do_center_crop to 4 x 5");
  for (const json& keys :
       {json{{"size", {{"height", 8}, {"width", 8}}}}, json{{"size", {{"shortest_edge", 8}}}},
        json{{"do_resize", false}, {"size", 16}}, json::object()}) {
    EXPECT_EQ(messages(keys).find("left out"), std::string::npos) << keys;
  }
}

TEST_F(CliVit, AMalformedFileIsRefused) {
  struct Case {
    json keys;
    std::string message;
  };
  const Case cases[] = {
      {json::array(), "no image processor's config"},
      {{{"image_mean", {0.5, 0.5, 0.5}}}, "'image_mean' has 3 values, the model's images 1 channels"},
      {{{"image_mean", "half"}}, "'image_mean' has a value of the wrong type"},
      {{{"image_std", {0}}}, "'image_std' is not above 0"},
      {{{"rescale_factor", 0}}, "'rescale_factor' is not above 0"},
      {{{"do_normalize", "yes"}}, "'do_normalize' has a value of the wrong type"},
      {{{"do_rescale", 1}}, "'do_rescale' has a value of the wrong type"},
      {{{"size", {{"height", 8}}}}, "'width' is missing (of size, "},
      {{{"size", "large"}}, "'size' has a value of the wrong type"},
  };
  const std::string config = write_config("images");
  for (const Case& wrong : cases) {
    write_preprocessor(wrong.keys);
    const ProgramResult refused = train(config, "run");
    EXPECT_EQ(refused.code, 2) << wrong.keys;
    expect_has(refused.err, wrong.message);
    expect_has(refused.err, kFile);
  }
  folder.write(std::string("vit/") + kFile, "{");
  EXPECT_EQ(train(config, "run").code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder.path("run")));
}

}  // namespace
}  // namespace thaw::test
