// `thaw export`, as a user runs it. What the scripts train is compared with thaw by golden/check_export.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nn/io/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/speech_folder.h"

namespace thaw::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kDigits = R"(
[model]
from = "cnn"
width = 4
depth = 2
[data]
train = "builtin:digits"
limit = 60
validation_fraction = 0.5
[train]
epochs = 3
batch_size = 16
accumulation = 2
weight_decay = 0.1
no_decay = "kind:norm"
)";

struct CliExport : ::testing::Test {
  TemporaryFolder folder = TemporaryFolder::in_memory();
  std::string config = folder.write("digits.toml", kDigits);
  std::string script = folder.path("recipe.py");

  ProgramResult export_it(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"export", config, "--out", script};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  std::string text_of(const std::vector<std::string>& more = {}) const {
    for (const char* file : {"recipe.py", "recipe.order.json", "recipe.start.safetensors"})
      fs::remove(folder.path(file));
    const ProgramResult result = export_it(more);
    EXPECT_EQ(result.code, 0) << result.err;
    return file_text(script);
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder.path())) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
};

bool has_python() { return std::system("python3 --version >/dev/null 2>&1") == 0; }

TEST_F(CliExport, WritesTheScriptAndWhatItReads) {
  const ProgramResult result = export_it({"--strategy", "gradual"});
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(result.out, script);
  EXPECT_EQ(files(), (std::vector<std::string>{"digits.toml", "recipe.order.json", "recipe.py",
                                               "recipe.start.safetensors"}));
  const std::string text = file_text(script);
  expect_has(text, "Fine-tuning by the strategy gradual");
  EXPECT_EQ(text.find(folder.path()), std::string::npos) << "the folder may move";
  expect_has(text, R"(    Phase(first=1, train={"head": 1.0}),)");
  expect_has(text, R"(Phase(first=5, train={"layers.0": 1.0, "layers.1": 1.0, "head": 1.0}))");
  expect_has(text, R"(NO_DECAY = ["stem:norm", "layers.0:norm", "layers.1:norm"])");
}

// The rows are those of thaw's own updates: of a file that numbers its rows, each row once an epoch.
TEST_F(CliExport, TheOrderHasEachTrainingRowOnceAnEpoch) {
  text_of();
  const json order = json::parse(file_text(folder.path("recipe.order.json")));
  std::vector<std::int64_t> train = order["train"]["rows"];
  EXPECT_EQ(train.size(), 60U);
  EXPECT_EQ(order["train"]["targets"].size(), 60U);
  EXPECT_GT(order["train"]["sum"], 0);
  std::sort(train.begin(), train.end());
  const std::size_t per_epoch = 2;  // 60 samples, 2 x 16 to an update
  ASSERT_EQ(order["updates"].size(), 3 * per_epoch);
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::int64_t> seen;
    for (std::size_t update = 0; update < per_epoch; ++update)
      for (const json& micro_batch : order["updates"][epoch * per_epoch + update])
        for (const json& row : micro_batch) seen.push_back(row);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, train) << "epoch " << epoch + 1;
  }
  EXPECT_NE(order["updates"][0], order["updates"][per_epoch]) << "shuffled anew";
}

TEST_F(CliExport, TheStartIsTheModelThatARunStartsFrom) {
  text_of();
  ASSERT_EQ(run_program({"train", config, "--set", "train.epochs=0", "--out", folder.path("run")}).code, 0);
  const SafetensorsFile start(folder.path("recipe.start.safetensors")),
      model(folder.path("run/model.safetensors"));
  ASSERT_EQ(start.entries().size(), model.entries().size());
  for (const SafetensorsEntry& entry : model.entries()) {
    ASSERT_TRUE(start.contains(entry.name)) << entry.name;
    const Tensor a = start.load_as(entry.name, DType::f32), b = model.load_as(entry.name, DType::f32);
    for (std::int64_t i = 0; i < a.numel(); ++i)
      ASSERT_EQ(a.data<float>()[i], b.data<float>()[i]) << entry.name;
  }
}

TEST_F(CliExport, WhatAPhaseSaysStandsInThePlan) {
  const std::string base = file_text(config);
  folder.write("digits.toml", base + R"(
[strategy]
name = "plan"
frozen_norm = "batch"
[[strategy.phase]]
train = "head"
[[strategy.phase]]
at = "step 2"
train = "layers.1, head, !layers.1.conv1.weight"
lr_mult = { "layers.1" = 0.25 }
state = "drop"
[[strategy.phase]]
at = "step 4"
train = "kind:norm, head"
frozen_dropout = "off"
frozen_norm = "still"
rewarmup = 3
)");
  const std::string text = text_of();
  expect_has(text, R"(Phase(first=1, train={"head": 1.0}, frozen_norm="batch"))");
  expect_has(text, R"("layers.1.bn1.weight": 0.25,)");
  EXPECT_EQ(text.find("\"layers.1.conv1.weight\""), std::string::npos);
  expect_has(text, R"(, state="drop", frozen_norm="batch"))");
  expect_has(text, "first=5, train=");
  expect_has(text, R"("layers.1:norm": 1.0, "head": 1.0)");
  expect_has(text, R"(frozen_dropout="off", rewarmup=3)");
  expect_has(text, "def rewarmed(");
}

TEST_F(CliExport, EveryScriptIsPython) {
  if (!has_python()) GTEST_SKIP() << "python3 is not here";
  folder.write("table.csv",
               "a,\"b \"\"quoted\"\" \\ é\",label\n1,2,x\n2,1,y\n3,5,x\n4,4,y\n5,3,x\n6,6,y\n7,1,x\n8,2,y\n");
  const std::string table =
      folder.write("table.toml", "[data]\ntrain = \"table.csv\"\nstandardize = \"train\"\n");
  const std::vector<std::vector<std::string>> variants = {
      {config, "--strategy", "ulmfit"},
      {config, "--strategy", "lp-ft", "--set", "train.schedule=one-cycle"},
      {config, "--strategy", "bitfit", "--set", "train.optimizer=sgd", "--set", "train.schedule=cosine"},
      {table, "--set", "train.schedule=linear"},
      {table, "--strategy", "lora"},
      {table, "--set", "data.task=regression", "--set", "data.label=a", "--set", "data.ignore=[\"label\"]"},
  };
  for (std::vector<std::string> variant : variants) {
    config = variant.front();
    variant.erase(variant.begin());
    text_of(variant);
    EXPECT_EQ(std::system(("python3 -m py_compile '" + script + "'").c_str()), 0) << variant.back();
  }
}

TEST_F(CliExport, WhatIsThereIsNotOverwritten) {
  for (const char* file : {"recipe.py", "recipe.order.json", "recipe.start.safetensors"}) {
    folder.write(file, "mine");
    const ProgramResult result = export_it();
    EXPECT_EQ(result.code, 2) << file;
    expect_has(result.err, file);
    EXPECT_EQ(file_text(folder.path(file)), "mine");
    fs::remove(folder.path(file));
    EXPECT_EQ(files(), (std::vector<std::string>{"digits.toml"})) << file;
  }
}

TEST_F(CliExport, WhatCannotBeExportedIsNamed) {
  const auto error_of = [&](const std::vector<std::string>& more) {
    const ProgramResult result = export_it(more);
    EXPECT_EQ(result.code, 2) << result.out << result.err;
    EXPECT_EQ(files(), (std::vector<std::string>{"digits.toml"})) << "nothing is left behind";
    return result.err;
  };
  expect_has(error_of({"--strategy", "l2-sp"}), "L2-SP");
  expect_has(error_of({"--strategy", "l2-sp"}), "\"l2-sp\"");
  const std::string mlp = "model.from=mlp";
  expect_has(error_of({"--strategy", "dora", "--set", mlp}), "DoRA");
  expect_has(
      error_of({"--strategy", "adapter", "--set", mlp, "--set", "strategy.target_modules=[\"layers.0\"]"}),
      "bottleneck");
  expect_has(error_of({"--set", "train.class_weight=balanced"}), "train.class_weight");
  expect_has(error_of({"--set", "train.nan=skip"}), "train.nan");
  expect_has(error_of({"--set", "train.restore_best=true"}), "train.restore_best");
  expect_has(error_of({"--set", "train.early_stopping_patience=2"}), "train.early_stopping_patience");
  expect_has(error_of({"--set", "data.corrupt=blur"}), "data.corrupt");
  expect_has(error_of({"--set", "data.standardize=train"}), "data.standardize");
  expect_has(error_of({"--set", "data.augment=[\"flip\"]"}), "data.augment");
  expect_has(error_of({"--set", "model.image_size=12"}), "no reader for pictures from");
  expect_has(error_of({"--set", "train.epochs=0"}), "train.epochs");
  const std::string base = file_text(config);
  folder.write("digits.toml", base +
                                  "[strategy]\nname = \"plan\"\n[[strategy.phase]]\ntrain = \"head\"\n"
                                  "[[strategy.phase]]\nat = \"plateau validation_loss 1\"\n");
  expect_has(error_of({}), "plateau");
  folder.write("digits.toml", base);
  const std::string all = script;
  script = folder.path("recipe");
  expect_has(error_of({}), ".py");
  script = all;
}

// What a run makes of its table or its texts beyond standardising.
TEST_F(CliExport, WhatIsLearntOfATableBesideItsScaleIsNamed) {
  folder.write("t.csv", "x,colour,label\n1,red,2\n2,blue,4\n3,red,6\n4,blue,8\n5,red,9\n6,red,11\n");
  folder.write("digits.toml",
               "[data]\ntrain = \"t.csv\"\ntask = \"regression\"\nvalidation_fraction = 0.34\n");
  const ProgramResult words = export_it({"--set", "data.categories=[\"colour\"]"});
  EXPECT_EQ(words.code, 2) << words.err;
  expect_has(words.err, "no categories and no missing values (data.categories, data.missing)");
  const ProgramResult targets =
      export_it({"--set", "data.ignore=[\"colour\"]", "--set", "data.standardize_target=train"});
  EXPECT_EQ(targets.code, 2) << targets.err;
  expect_has(targets.err, "data.standardize_target");
}

TEST_F(CliExport, AWhispersDecoderIsNamed) {
  write_speech_writer(folder);
  write_tones(folder, "train", 8, 1);
  folder.write("digits.toml",
               "[model]\nfrom = \"writer\"\ndecoder = \"seq2seq\"\n[data]\ntask = \"transcription\"\n"
               "train = \"tones/train.csv\"\nvalidation_fraction = 0.5\n");
  const ProgramResult run = export_it();
  EXPECT_EQ(run.code, 2) << run.err;
  expect_has(run.err, "model.decoder = \"seq2seq\"");
}

// Python's csv module is told what separates fields; where thaw would guess, nobody tells it.
TEST_F(CliExport, TablesThatPythonWouldReadOtherwiseAreRefused) {
  const std::string rows = "1;x\n2;y\n3;x\n4;y\n5;x\n6;y\n7;x\n8;y\n";
  config = folder.write("table.toml", "[data]\ntrain = \"table.csv\"\n");
  folder.write("table.csv", "a;label\n" + rows);
  ProgramResult result = export_it();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "data.separator");
  expect_has(text_of({"--set", "data.separator=;"}), "SEPARATOR = \";\"");
  std::string tabs = "a\tlabel\n" + rows + "9;\"x\"\n";
  std::replace(tabs.begin(), tabs.end(), ';', '\t');
  const std::string tsv = "data.train=" + folder.write("table.tsv", tabs);
  for (const char* file : {"recipe.py", "recipe.order.json", "recipe.start.safetensors"})
    fs::remove(folder.path(file));
  result = export_it({"--set", tsv});
  EXPECT_EQ(result.code, 2) << result.err;
  expect_has(result.err, "data.quote");
  expect_has(text_of({"--set", tsv, "--set", "data.quote=csv"}), "csv.QUOTE_MINIMAL");
}

}  // namespace
}  // namespace thaw::test
