// Folders of adapters, from training to embeddings: those of runs, those that PEFT leaves, and merged ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nn/io/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/text_folders.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using CliAdapterFolders = TextFolders;

std::vector<double> vector_of(const ProgramResult& result) {
  EXPECT_EQ(result.code, 0) << result.err;
  const json line = json::parse(result.out, nullptr, false);
  return line.is_object() ? line.at("embedding").get<std::vector<double>>() : std::vector<double>{};
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double squares = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) squares += std::pow(a[i] - b[i], 2);
  return std::sqrt(squares);
}

double first_logit(const ProgramResult& result) {
  EXPECT_EQ(result.code, 0) << result.err;
  const json line = json::parse(result.out.substr(0, result.out.find('\n')), nullptr, false);
  return line.is_object() ? line.at("logits").at(0).get<double>() : NAN;
}

TEST_F(CliAdapterFolders, AnAdapterOfOneOutputGivesANumber) {
  folder.write("s.csv", "text,label\na good film,1.5\na bad film,-1.25\nthe film,0.5\n");
  ASSERT_EQ(train({"--strategy", "lora", "--set", "data.task=regression"}).code, 0);
  std::filesystem::remove(run + "/adapter/preprocess.json");  // as PEFT leaves one
  const ProgramResult number = run_program({"predict", "--model", run + "/adapter", "--input", texts});
  ASSERT_EQ(number.code, 0) << number.err;
  EXPECT_TRUE(json::parse(number.out).contains("value")) << number.out;
}

// PEFT's FEATURE_EXTRACTION has no classifier, and so no pooler of one.
TEST_F(CliAdapterFolders, AnAdapterWithoutAHeadKeepsTheFoldersPooling) {
  std::filesystem::create_directories(model + "/1_Pooling");
  folder.write("model/1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  ASSERT_EQ(train({"--strategy", "lora", "--set", "train.epochs=3"}).code, 0);
  const std::string path = folder.path("adapter");
  std::filesystem::rename(run + "/adapter", path);
  std::filesystem::remove(path + "/preprocess.json");
  json adapter = json::parse(file_text(path + "/adapter_config.json"));
  adapter["task_type"] = "FEATURE_EXTRACTION";
  folder.write("adapter/adapter_config.json", adapter.dump());
  NamedTensors layers;  // as they are called in a model that has no task
  {
    const SafetensorsFile file(path + "/adapter_model.safetensors");
    for (const SafetensorsEntry& entry : file.entries()) {
      const std::size_t base = entry.name.find("bert.");
      if (base != std::string::npos)
        layers.emplace_back(std::string(entry.name).erase(base, 5), file.load(entry.name));
    }
  }
  save_safetensors(path + "/adapter_model.safetensors", layers);
  const std::vector<double> trained = vector_of(embed(run)), adapted = vector_of(embed(path)),
                            plain = vector_of(embed(model));
  EXPECT_LT(distance(adapted, trained), 1e-5);
  EXPECT_GT(distance(adapted, plain), 1e-2);
}

TEST_F(CliAdapterFolders, MergedModelsNormalizeAsTheirBase) {
  std::filesystem::create_directories(model + "/1_Pooling");
  folder.write("model/1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  folder.write("model/modules.json",
               R"([{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
                                         {"type": "sentence_transformers.models.Normalize"}])");
  ASSERT_EQ(train({"--strategy", "lora"}).code, 0);
  const std::string merged = folder.path("merged");
  const ProgramResult merge = run_program({"merge", "--model", run + "/adapter", "--out", merged});
  ASSERT_EQ(merge.code, 0) << merge.err;
  for (const std::string& path : {run, run + "/adapter", merged}) {
    const ProgramResult result = embed(path);
    ASSERT_EQ(result.code, 0) << result.err;
    const json embedding = json::parse(result.out).at("embedding");
    double squares = 0;
    for (const json& value : embedding) squares += std::pow(value.get<double>(), 2);
    EXPECT_NEAR(squares, 1, 1e-5) << path;
  }
}

TEST_F(CliAdapterFolders, AnAdapterNamesNoBaseWhoseWeightsInitChanged) {
  const std::string other = folder.path("other");
  write_text_model(other, 5);
  const std::string init = "model.init=" + other + "/model.safetensors";
  const ProgramResult trained = train({"--strategy", "lora", "--set", init});
  ASSERT_EQ(trained.code, 0) << trained.err;
  expect_has(trained.err, "will name no base model");
  const json adapter = json::parse(file_text(run + "/adapter/adapter_config.json"));
  EXPECT_TRUE(adapter.at("base_model_name_or_path").is_null());
}

// What writes the weights anew leaves out their metadata; the adapter must not be folded in once more.
TEST_F(CliAdapterFolders, WeightsWrittenAnewKeepTheirAdapterOnce) {
  ASSERT_EQ(train({"--strategy", "lora", "--set", "train.epochs=3"}).code, 0);
  const std::vector<std::string> predict = {"predict", "--model", run, "--input", texts};
  const double before = first_logit(run_program(predict));
  save_safetensors(run + "/model.safetensors", weights_without("no such part", run));
  EXPECT_EQ(first_logit(run_program(predict)), before);
}

// PEFT stops at a module inside of another.
TEST_F(CliAdapterFolders, ModulesThatAreSavedAreNotNested) {
  ASSERT_EQ(
      train({"--strategy", "lora", "--set", R"(strategy.modules_to_save=["pooler", "classifier"])"}).code, 0);
  const json adapter = json::parse(file_text(run + "/adapter/adapter_config.json"));
  EXPECT_EQ(adapter.at("modules_to_save"), (json{"classifier", "pooler"}));
}

// PEFT adapts nothing in a module that is saved whole.
TEST_F(CliAdapterFolders, AnAdapterInTheHeadIsSavedInTheWeight) {
  ASSERT_EQ(train({"--strategy", "lora", "--set", "strategy.target_modules=[\"query\", \"pooler.dense\"]",
                   "--set", "strategy.modules_to_save=[\"classifier\"]", "--set", "train.epochs=3"})
                .code,
            0);
  const SafetensorsFile file(run + "/adapter/adapter_model.safetensors");
  int poolers = 0;
  for (const SafetensorsEntry& entry : file.entries()) {
    if (entry.name.find("pooler") == std::string::npos) continue;
    ++poolers;
    EXPECT_EQ(entry.name.find("lora"), std::string::npos) << entry.name;
  }
  EXPECT_EQ(poolers, 2);
  const std::vector<std::string> whole = {"predict", "--model", run, "--input", texts};
  const std::vector<std::string> adapter = {"predict", "--model", run + "/adapter", "--input", texts};
  EXPECT_NEAR(first_logit(run_program(adapter)), first_logit(run_program(whole)), 1e-5);
}

TEST_F(CliAdapterFolders, AnAdapterWithNaNIsRefusedBeforeTraining) {
  ASSERT_EQ(train({"--strategy", "lora"}).code, 0);
  NamedTensors tensors;
  {
    const SafetensorsFile file(run + "/adapter/adapter_model.safetensors");
    for (const SafetensorsEntry& entry : file.entries())
      tensors.emplace_back(entry.name, file.load(entry.name));
  }
  tensors.front().second = full(tensors.front().second.shape(), NAN);
  save_safetensors(run + "/adapter/adapter_model.safetensors", tensors);
  for (const char* strategy : {"lora", "full"})
    expect_refused(run_program({"train", config, "--out", run + strategy, "--strategy", strategy, "--set",
                                "model.init=" + run + "/adapter"}),
                   {"NaN or infinite", "adapter_model.safetensors"});
}

TEST_F(CliAdapterFolders, AFileWithNothingInItIsNoAdapter) {
  ASSERT_EQ(train({"--strategy", "lora"}).code, 0);
  save_safetensors(run + "/adapter/adapter_model.safetensors", {});
  expect_refused(run_program({"predict", "--model", run + "/adapter", "--input", texts}),
                 {"has no adapters"});
}

// Layers of another rank and alpha, as PEFT's rank_pattern and alpha_pattern name them.
TEST_F(CliAdapterFolders, LayersKeepARankOfTheirOwn) {
  ASSERT_EQ(train({"--strategy", "lora", "--set", "strategy.r=4", "--set", "strategy.alpha=6"}).code, 0);
  const std::string path = folder.path("adapter");
  std::filesystem::rename(run + "/adapter", path);
  json adapter = json::parse(file_text(path + "/adapter_config.json"));
  adapter.update({{"r", 8},
                  {"lora_alpha", 3},
                  {"rank_pattern", {{"query|value", 4}}},
                  {"alpha_pattern", {{"layer\\.[0-9]+\\..*", 6}}}});
  folder.write("adapter/adapter_config.json", adapter.dump());
  const auto start_at_it = [&](const std::string& strategy, const std::string& out) {
    return run_program({"train", config, "--out", out, "--strategy", strategy, "--set", "model.init=" + path,
                        "--set", "train.epochs=0", "--set", "strategy.alpha=3"});
  };
  const std::vector<double> trained = vector_of(embed(run));
  ASSERT_EQ(start_at_it("lora", run + "2").code, 0);
  EXPECT_LT(distance(vector_of(embed(run + "2")), trained), 1e-5);
  const json written = json::parse(file_text(run + "2/adapter/adapter_config.json"));
  EXPECT_EQ(written.at("r"), 8);
  EXPECT_EQ(written.at("rank_pattern").size(), 4U);
  EXPECT_EQ(written.at("rank_pattern").begin().value(), 4);
  EXPECT_EQ(written.at("alpha_pattern").begin().value(), 6);
  EXPECT_LT(distance(vector_of(embed(run + "2/adapter")), trained), 1e-5);
  adapter["rank_pattern"] = {{"(?=query)", 4}};
  folder.write("adapter/adapter_config.json", adapter.dump());
  expect_refused(embed(path), {"(?=query)", "rank_pattern"});
  adapter["rank_pattern"] = {{"query|value", 0}};
  folder.write("adapter/adapter_config.json", adapter.dump());
  expect_refused(embed(path), {"query|value", "rank_pattern"});
}

// Whose classes it is that have no names.
TEST_F(CliAdapterFolders, TheHeadIsSaidToBeWhoseItIs) {
  ASSERT_EQ(train({"--strategy", "lora"}).code, 0);
  std::filesystem::remove(run + "/adapter/preprocess.json");
  const ProgramResult adapter =
      run_program({"train", config, "--out", run + "2", "--set", "model.init=" + run + "/adapter"});
  ASSERT_EQ(adapter.code, 0) << adapter.err;
  expect_has(adapter.err, "the head is that of " + run + "/adapter: its classes have no names");
  // In the run's folder its classes have names.
  const std::string alone = folder.path("alone.safetensors");
  std::filesystem::copy_file(run + "/model.safetensors", alone);
  const ProgramResult file =
      run_program({"train", config, "--out", run + "3", "--set", "model.init=" + alone});
  ASSERT_EQ(file.code, 0) << file.err;
  expect_has(file.err, "the head is that of " + alone);
  EXPECT_EQ(file.err.find("the head is new"), std::string::npos) << file.err;
}

// Its base says mean.
TEST_F(CliAdapterFolders, ATrainedHeadKeepsItsPooling) {
  std::filesystem::create_directories(model + "/1_Pooling");
  folder.write("model/1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  ASSERT_EQ(train({"--strategy", "lora", "--set", "model.pooling=pooler"}).code, 0);
  const auto logits = [&](const std::string& path) {
    const ProgramResult result = run_program({"predict", "--model", path, "--input", texts});
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out)["logits"].get<std::vector<double>>();
  };
  const std::vector<double> trained = logits(run);
  for (const bool of_peft : {false, true}) {  // which writes no preprocess.json
    if (of_peft) std::filesystem::remove(run + "/adapter/preprocess.json");
    const std::string again = run + (of_peft ? "3" : "2");
    ASSERT_EQ(run_program({"train", config, "--out", again, "--set", "model.init=" + run + "/adapter",
                           "--set", "train.epochs=0"})
                  .code,
              0);
    const std::vector<double> taken = logits(again);
    for (std::size_t i = 0; i < trained.size(); ++i) EXPECT_NEAR(taken[i], trained[i], 1e-5) << of_peft;
  }
}

// Houlsby's adapters are layers of the model: its folder has them.
TEST_F(CliAdapterFolders, BottlenecksStayInTheFolder) {
  folder.write("test.csv", sentences_csv(20, 2));
  const std::vector<std::string> with_test = {"--set", "data.test=test.csv", "--set", "data.duplicates=warn"};
  std::vector<std::string> more = {"--strategy", "adapter", "--json"};
  more.insert(more.end(), with_test.begin(), with_test.end());
  const ProgramResult trained = train(more);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(json::parse(file_text(run + "/config.json")).contains("thaw_adapters"));

  std::vector<std::string> eval = {"eval", config, "--model", run};
  eval.insert(eval.end(), with_test.begin(), with_test.end());
  const ProgramResult again = run_program(eval);
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_NEAR(json::parse(again.out)["loss"].get<double>(),
              json::parse(trained.out)["test"]["loss"].get<double>(), 1e-6);

  const ProgramResult on = run_program({"train", config, "--out", run + "2", "--strategy", "adapter", "--set",
                                        "model.from=run", "--set", "train.epochs=0"});
  ASSERT_EQ(on.code, 0) << on.err;
  const std::vector<std::string> predict = {"predict", "--input", texts, "--model"};
  const auto logit = [&](const std::string& path) {
    std::vector<std::string> of = predict;
    of.push_back(path);
    return first_logit(run_program(of));
  };
  EXPECT_EQ(logit(run + "2"), logit(run));
  expect_refused(run_program({"merge", "--model", run, "--out", folder.path("merged")}), {"bottlenecks"});
}

}  // namespace
}  // namespace thaw::test
