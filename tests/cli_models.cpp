// Folders that transformers wrote, from training to predictions: the tiny ones of tests/golden/models.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

std::string folder_of(const std::string& model) { return THAW_SOURCE_DIR "/tests/golden/models/" + model; }

struct CliModels : ::testing::Test {
  std::string write_config(const std::string& model, const std::string& data) const {
    return folder.write("config.toml", "[model]\nfrom = \"" + folder_of(model) + "\"\n[data]\ntrain = \"" +
                                           data +
                                           "\"\n[train]\nepochs = 12\nlr = 1e-2\nbatch_size = 8\n"
                                           "checkpoint_every = \"never\"\n");
  }
  // Texts whose label is their first letter.
  std::string write_texts() const {
    std::string table = "text,label\n";
    for (const char* end : {"film", "a film", "film a", "fil", "a"})
      for (const char* word : {"good", "bad", "good good", "bad bad"})
        table += std::string(word) + " " + end + "," + word[0] + "\n";
    folder.write("texts.csv", table);
    return "texts.csv";
  }
  TemporaryFolder folder;
};

TEST_F(CliModels, Gpt2LearnsFromTextsAndIsReadAgain) {
  const ProgramResult trained =
      run_program({"train", write_config("gpt2", write_texts()), "--out", folder.path("run")});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const json config = json::parse(file_text(folder.path("run/config.json")));
  EXPECT_EQ(config.at("architectures"), json({"GPT2ForSequenceClassification"}));
  EXPECT_EQ(config.at("id2label"), json({{"0", "b"}, {"1", "g"}}));
  const std::string texts = folder.write("new.txt", "good fil a\n\nbad fil a\n");
  const ProgramResult predicted = run_program({"predict", "--model", folder.path("run"), "--input", texts});
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  std::istringstream lines(predicted.out);
  std::vector<std::string> labels;
  for (std::string line; std::getline(lines, line);) labels.push_back(json::parse(line).at("label"));
  ASSERT_EQ(labels.size(), 3U);
  EXPECT_EQ(labels.front(), "g");
  EXPECT_EQ(labels.back(), "b");
}

// Their weights lie as [in, out].
TEST_F(CliModels, Gpt2sAdaptersAreFoldedIntoItsWeights) {
  const std::string config = write_config("gpt2", write_texts());
  const ProgramResult trained =
      run_program({"train", config, "--strategy", "lora", "--json", "--out", folder.path("run")});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const ProgramResult evaluated = run_program({"eval", config, "--model", folder.path("run"), "--json"});
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  const double beside = json::parse(trained.out).at("validation").at("loss");
  EXPECT_NEAR(json::parse(evaluated.out).at("loss").get<double>(), beside, 1e-5);
}

// As PEFT writes it: nothing beside the adapter says how texts are pooled.
TEST_F(CliModels, AnAdapterOfGpt2IsAModelByItself) {
  const std::string config = write_config("gpt2", write_texts());
  ASSERT_EQ(run_program({"train", config, "--strategy", "lora", "--out", folder.path("run")}).code, 0);
  const std::vector<std::string> evaluate = {"eval", config, "--json", "--model", folder.path("run")};
  std::vector<std::string> evaluate_adapter = evaluate;
  evaluate_adapter.back() += "/adapter";
  std::filesystem::remove(folder.path("run/adapter/preprocess.json"));
  expect_has(run_program(evaluate_adapter).err, "say the order of the model's with data.classes");
  evaluate_adapter.insert(evaluate_adapter.end(), {"--set", R"(data.classes=["b", "g"])"});
  const ProgramResult whole = run_program(evaluate), adapter = run_program(evaluate_adapter);
  ASSERT_EQ(adapter.code, 0) << adapter.err;
  EXPECT_NEAR(json::parse(adapter.out).at("loss").get<double>(),
              json::parse(whole.out).at("loss").get<double>(), 1e-5);
}

TEST_F(CliModels, ImagesAreMadeAsAVitTakesThem) {
  const ProgramResult trained = run_program({"train", write_config("vit", "builtin:digits"), "--out",
                                             folder.path("run"), "--set", "train.epochs=0"});
  EXPECT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "resized to 8 x 8 (bilinear), in colour; they have 8 x 8 pixels");
}

}  // namespace
}  // namespace thaw::test
