// `thaw export` of pictures and of the networks that take them. What the scripts train is compared with thaw by
// golden/check_export.py.
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nn/io/safetensors.h"
#include "tests/support/messages.h"
#include "tests/support/picture_folder.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct CliExportPictures : PictureTest {
  CliExportPictures() {
    write_stripes(folder, "train", 12, 1);
    write_stripes(folder, "test", 4, 2);
  }

  ProgramResult export_it(const std::string& model, const std::vector<std::string>& more = {}) const {
    for (const char* file : {"recipe.py", "recipe.order.json", "recipe.start.safetensors"})
      fs::remove(folder.path(file));
    const std::string config =
        folder.write("stripes.toml", "[model]\n" + model +
                                         "[data]\ntrain = \"train\"\nvalidation = \"test\"\n"
                                         "[train]\nepochs = 3\nbatch_size = 8\n");
    std::vector<std::string> arguments{"export", config, "--out", folder.path("recipe.py")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  std::string text_of(const std::string& model, const std::vector<std::string>& more = {}) const {
    const ProgramResult result = export_it(model, more);
    EXPECT_EQ(result.code, 0) << result.err;
    return file_text(folder.path("recipe.py"));
  }
  std::string golden(const std::string& name) const {
    return "from = \"" THAW_SOURCE_DIR "/tests/golden/models/" + name + "\"\n";
  }

  TemporaryFolder folder = TemporaryFolder::in_memory();
};

const std::string kCnn = "from = \"cnn\"\nwidth = 4\ndepth = 2\nimage_size = 16\n";

TEST_F(CliExportPictures, AFolderIsReadAndResizedAsThawDoes) {
  const std::string text = text_of(kCnn);
  expect_has(text, "RESIZED = (16, 16)");
  expect_has(text, "FILTER = Image.Resampling.BILINEAR");
  expect_has(text, "SIZE = (16, 16)");
  expect_has(text, R"(MODE = "RGB")");
  expect_has(text, R"(CLASSES = {"across": 0, "down": 1})");
  expect_has(text, "from PIL import Image, ImageOps\n");
  expect_has(text, "pillow");
  const json order = json::parse(file_text(folder.path("recipe.order.json")));
  EXPECT_EQ(order.at("train").at("rows").size(), 24u);
  EXPECT_EQ(order.at("validation").at("rows").size(), 8u);
  const double values = 24 * 3 * 16 * 16, sum = order.at("train").at("sum");
  EXPECT_GT(sum, 0.2 * values) << "of pixels between 0 and 1";
  EXPECT_LT(sum, values);
}

TEST_F(CliExportPictures, NetworksHaveTheNamesOfTheirFolders) {
  const std::string lite = text_of(golden("efficientnet-lite"), {"--strategy", "gradual"});
  expect_has(lite, "STAGES = [(8, 1, 3, 1, 1), (12, 2, 5, 2, 2)]");
  expect_has(lite, "NORM_MOMENTUM = 0.01");
  expect_has(lite, R"("stages.1": ["_blocks.1", "_blocks.2"],)");
  const SafetensorsFile start(folder.path("recipe.start.safetensors"));
  EXPECT_TRUE(start.contains("_blocks.2._bn2.running_var"));
  expect_has(text_of(golden("squeezenet")), R"("fire2": ["fire2"],)");
  const std::string resnet = text_of(golden("resnet"));
  expect_has(resnet, "CLASS = transformers.ResNetForImageClassification\n");
  expect_has(resnet, R"("head": ["dropout", "classifier.1"],)");
}

// The rest of a network of transformers is read from its folder.
TEST_F(CliExportPictures, AVitHasTheNamesOfTransformers) {
  const std::string text = text_of(golden("vit"), {"--strategy", "lora"});
  expect_has(text, R"("layer.1": ["vit.layers.1"],)");
  expect_has(text, R"("vit.layers.0.attention.q_proj")");
  expect_has(text, R"("hidden_dropout_prob": 0.0)");
  const SafetensorsFile start(folder.path("recipe.start.safetensors"));
  EXPECT_TRUE(start.contains("vit.layers.1.attention.v_proj.lora_A.weight"));
  EXPECT_TRUE(start.contains("classifier.weight"));
  EXPECT_FALSE(start.contains("vit.layers.1.attention.v_proj.weight"));
}

TEST_F(CliExportPictures, EveryScriptIsPython) {
  if (std::system("python3 --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "python3 is not here";
  const std::string check = "python3 -m py_compile '" + folder.path("recipe.py") + "'";
  for (const char* name : {"efficientnet-lite", "squeezenet", "resnet", "convnext", "vit"}) {
    text_of(golden(name));
    EXPECT_EQ(std::system(check.c_str()), 0) << name;
  }
}

TEST_F(CliExportPictures, WhatCannotBeExportedIsNamed) {
  const auto error_of = [&](const std::string& model, const std::vector<std::string>& more) {
    const ProgramResult result = export_it(model, more);
    EXPECT_EQ(result.code, 2) << result.out << result.err;
    EXPECT_FALSE(fs::exists(folder.path("recipe.order.json"))) << "nothing is left behind";
    return result.err;
  };
  expect_has(error_of(kCnn, {"--set", "data.augment=[\"flip\"]"}), "no augmentation (data.augment)");
  expect_has(error_of(kCnn, {"--set", "data.standardize=train"}),
             "no pictures whose pixels have a mean each (data.standardize)");
  expect_has(error_of(golden("resnet"), {"--set", "model.dropout=0.1"}),
             "no dropout of a resnet (model.dropout)");
  folder.write("some.csv",
               "image,label\ntrain/across/1.png,across\ntrain/down/1.png,down\ntrain/across/2.png,across\n");
  expect_has(error_of(kCnn, {"--set", "data.train=some.csv"}), "no reader for pictures from");
}

}  // namespace
}  // namespace thaw::test
