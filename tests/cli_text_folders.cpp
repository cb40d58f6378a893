// What the files of a text model's folder say, from training to embeddings: none of it is passed over in
// silence.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/ops.h"
#include "nn/io/json_file.h"
#include "nn/io/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/text_folders.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using CliTextFolders = TextFolders;

TEST_F(CliTextFolders, ACheckpointGoesOnWithItsOwnTextsAlone) {
  const std::vector<std::string> longer = {"train", config, "--out", run, "--set", "train.epochs=100000"};
  const ProgramResult begun = run_program_and_signal(longer, run + "/metrics.jsonl", SIGINT);
  ASSERT_EQ(begun.code, 130) << begun.err;
  std::string other = file_text(data);
  other.replace(other.find("film"), 4, "end ");
  folder.write("s.csv", other);
  std::vector<std::string> again = longer;
  again.emplace_back("--resume");
  expect_refused(run_program(again), {"other data"});
}

// Same weights, other numbers.
TEST_F(CliTextFolders, ACheckpointGoesOnWithItsOwnNetworkAlone) {
  const std::vector<std::string> longer = {"--set", "train.epochs=100000", "--resume"};
  const auto begin = [&] {
    return run_program_and_signal({"train", config, "--out", run, longer[0], longer[1], longer[2]},
                                  run + "/metrics.jsonl", SIGINT);
  };
  ASSERT_EQ(begin().code, 130);
  const std::string before = file_text(model + "/config.json");
  configure(model, {{"hidden_act", "relu"}});
  expect_refused(train(longer), {"began with another model", "model.from"});
  folder.write("model/config.json", before);
  EXPECT_EQ(begin().code, 130);
}

TEST_F(CliTextFolders, AComparisonGoesOnWithItsOwnNetworkAndTokensAlone) {
  const std::vector<std::string> compare = {"compare", config, "--out",        run,   "--no-tune",
                                            "--seeds", "1",    "--strategies", "head"};
  ASSERT_EQ(run_program(compare).code, 0);
  std::vector<std::string> again = compare;
  again.emplace_back("--resume");
  EXPECT_EQ(run_program(again).code, 0);
  const std::string vocabulary = file_text(model + "/vocab.txt");
  std::string swapped = vocabulary;
  swapped.replace(swapped.find("film\n"), 4, "MILF");
  folder.write("model/vocab.txt", swapped);
  expect_refused(run_program(again), {"the model that training starts from", "makes inputs"});
  folder.write("model/vocab.txt", vocabulary);
  configure(model, {{"hidden_act", "relu"}});
  expect_refused(run_program(again), {"the model that training starts from"});
}

// As transformers reads the folder; embeddings go by what it says of sentences.
TEST_F(CliTextFolders, AClassifierOfTransformersHasAPoolerWhateverTheFolderSaysOfSentences) {
  ASSERT_EQ(train().code, 0);
  std::filesystem::remove(run + "/preprocess.json");
  const auto predict = [&](const std::string& path) {
    const ProgramResult result = run_program({"predict", "--model", path, "--input", texts});
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  const std::string by_pooler = predict(run), embedding = embed(run).out;
  std::filesystem::create_directories(run + "/1_Pooling");
  folder.write("run/1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  EXPECT_EQ(predict(run), by_pooler);
  EXPECT_EQ(embed(run).out, embedding) << "which is what embeddings are where nothing is said";
  folder.write("run/1_Pooling/config.json", R"({"pooling_mode_cls_token": true})");
  EXPECT_EQ(predict(run), by_pooler);
  EXPECT_NE(embed(run).out, embedding);
  const std::string again = run + "2";
  ASSERT_EQ(
      run_program({"train", config, "--out", again, "--set", "model.from=" + run, "--set", "train.epochs=0"})
          .code,
      0);
  EXPECT_EQ(predict(again), by_pooler);
}

TEST_F(CliTextFolders, AResultIsNotWrittenOverWhatItIsMadeFrom) {
  const std::string weights = file_text(model + "/model.safetensors");
  expect_refused(run_program({"embed", "--model", model, "--input", texts, "--output", texts}), {"the data"});
  EXPECT_EQ(file_text(texts), "the film was good .\n");
  expect_refused(
      run_program({"embed", "--model", model, "--input", texts, "--output", model + "/model.safetensors"}),
      {"a file of the model"});
  EXPECT_EQ(file_text(model + "/model.safetensors"), weights);
}

TEST_F(CliTextFolders, AFolderWithoutAConfigIsSaidToBeWhatItIs) {
  ASSERT_EQ(train({"--strategy", "lora"}).code, 0);
  expect_refused(
      run_program({"train", config, "--out", run + "2", "--set", "model.from=" + run + "/adapter"}),
      {"the folder of an adapter", "model.init"});
  std::filesystem::remove(run + "/config.json");
  expect_refused(embed(run), {"the run diverged"});
  std::filesystem::remove(run + "/run.json");
  expect_refused(embed(run), {"has not come to its end", "--resume"});
  std::filesystem::remove(run + "/metrics.jsonl");
  expect_refused(embed(run), {"no config.json"});
}

TEST_F(CliTextFolders, WhatTrainsNothingEndsAtTheFirstSignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const ProgramResult result =
        run_program_and_signal_reader({"embed", "--model", model, "--input", "-"}, signal);
    EXPECT_EQ(result.code, -signal) << result.err;
  }
}

TEST_F(CliTextFolders, WhatTheLengthCutsOffIsSaidWhereverTextsAreRead) {
  const std::string longer =
      folder.write("long.txt", "a film\nthe film was good and the end was good and warm\n");
  ASSERT_EQ(train({"--set", "model.max_length=6"}).code, 0);
  for (const char* command : {"predict", "embed"}) {
    const ProgramResult result = run_program({command, "--model", run, "--input", longer});
    ASSERT_EQ(result.code, 0) << result.err;
    expect_has(result.err, "1 of 2 texts fill 6 tokens");
  }
  const ProgramResult none =
      run_program({"embed", "--model", model, "--input", folder.write("a.txt", "a\n")});
  EXPECT_EQ(none.err.find("texts fill"), std::string::npos) << none.err;
}

TEST_F(CliTextFolders, ALengthWithoutRoomIsNamed) {
  for (const char* length : {"model.max_length=1", "model.max_length=2"})
    expect_refused(train({"--set", length}), {"model.max_length", "2 special tokens", model});
}

TEST_F(CliTextFolders, APoolerThatIsDrawnIsNamed) {
  save_safetensors(model + "/model.safetensors", weights_without("pooler"));
  const ProgramResult result = train({"--set", "model.pooling=pooler"});
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "pooler.dense.weight");
  expect_has(result.err, "initialised at random");
}

TEST_F(CliTextFolders, WeightsThatAreNoNumbersAreRefusedBeforeTraining) {
  NamedTensors weights = weights_without("no such part");
  const auto save_with = [&](const Tensor& first) {
    NamedTensors changed = weights;
    changed.front().second = first;
    save_safetensors(model + "/model.safetensors", changed);
  };
  const Tensor& first = weights.front().second;
  save_with(full(first.shape(), NAN));
  expect_refused(train(), {"NaN or infinite", "model.safetensors"});
  save_with(first.to(DType::i32));
  expect_refused(train(), {weights.front().first, "I32", "model.safetensors"});
  expect_refused(embed(model), {"I32"});
}

TEST_F(CliTextFolders, SeveralNumbersAreRefused) {
  ASSERT_EQ(train().code, 0);
  std::filesystem::remove(run + "/preprocess.json");
  configure(run, {{"problem_type", "regression"}});
  expect_refused(run_program({"predict", "--model", run, "--input", texts}), {"2 numbers", "config.json"});
}

TEST_F(CliTextFolders, OneOutputIsANumberAndSeveralLabelsAreRefused) {
  ASSERT_EQ(train().code, 0);
  std::filesystem::remove(run + "/preprocess.json");
  configure(run, {{"problem_type", "multi_label_classification"}});
  const std::vector<std::string> predict = {"predict", "--model", run, "--input", texts};
  expect_refused(run_program(predict), {"several labels"});

  folder.write("s.csv", "text,label\na good film,1.5\na bad film,-1.25\nthe film,0.5\n");
  ASSERT_EQ(run_program({"train", config, "--out", run + "2", "--set", "data.task=regression"}).code, 0);
  std::filesystem::remove(run + "2/preprocess.json");
  const ProgramResult number = run_program({"predict", "--model", run + "2", "--input", texts});
  ASSERT_EQ(number.code, 0) << number.err;
  EXPECT_TRUE(json::parse(number.out).contains("value")) << number.out;
}

// Its architecture says whose a head is, not the names of the weights.
TEST_F(CliTextFolders, AHeadOfAnotherKindIsNoClassifiers) {
  ASSERT_EQ(train().code, 0);
  std::filesystem::remove(run + "/preprocess.json");
  const auto start_at_run = [&](const std::string& out) {
    return run_program(
        {"train", config, "--out", out, "--set", "model.from=" + run, "--set", "train.epochs=0"});
  };
  const ProgramResult own = start_at_run(run + "1");
  ASSERT_EQ(own.code, 0) << own.err;
  EXPECT_EQ(own.err.find("passed over"), std::string::npos) << own.err;
  configure(run, {{"architectures", nlohmann::json::array({"BertForTokenClassification"})}});
  const std::vector<std::string> predict = {"predict", "--model", run, "--input", texts};
  expect_refused(run_program(predict), {"BertForTokenClassification", "no classifier's", "thaw train"});
  EXPECT_EQ(embed(run).code, 0);
  const ProgramResult result = start_at_run(run + "2");
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "passed over: it is that of a \"BertForTokenClassification\"");
  expect_has(result.err, "the head is new");
  const auto classifier = [](const std::string& of) {
    return SafetensorsFile(of + "/model.safetensors").load("classifier.weight").to_vector();
  };
  EXPECT_EQ(classifier(run + "1"), classifier(run));
  EXPECT_NE(classifier(run + "2"), classifier(run));
}

TEST_F(CliTextFolders, TensorsOfOtherHeadsAreNoMistake) {
  NamedTensors weights = weights_without("pooler");
  weights.emplace_back("qa_outputs.weight", full({2, 16}, 1));
  weights.emplace_back("classifier.weight", full({7, 16}, 1));
  save_safetensors(model + "/model.safetensors", weights);
  configure(model, {{"architectures", nlohmann::json::array({"BertForQuestionAnswering"})}});
  const ProgramResult result = train();
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "BertForQuestionAnswering");
}

TEST_F(CliTextFolders, AHeadOfSeveralLabelsIsNotTakenForOneOfOne) {
  ASSERT_EQ(train().code, 0);
  std::filesystem::remove(run + "/preprocess.json");
  configure(run, {{"problem_type", "multi_label_classification"}});
  const ProgramResult result = run_program(
      {"train", config, "--out", run + "2", "--set", "model.from=" + run, "--set", "train.epochs=0"});
  ASSERT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "several labels at once");
  expect_has(result.err, "the head is new");
}

TEST_F(CliTextFolders, WhatIsMissingIsCalledAHeadWhereItIsOne) {
  ASSERT_EQ(train().code, 0);
  const std::vector<std::string> predict = {"predict", "--model", run, "--input", texts};
  save_safetensors(run + "/model.safetensors", weights_without("classifier", run));
  expect_refused(run_program(predict), {"the model has no head", "2 missing"});
  NamedTensors less = weights_without("classifier", run);
  std::erase_if(less, [](const auto& entry) { return entry.first.find("layer.1") != std::string::npos; });
  save_safetensors(run + "/model.safetensors", less);
  const ProgramResult result = run_program(predict);
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.err.find("no head"), std::string::npos) << result.err;
}

TEST_F(CliTextFolders, ANewHeadKeepsThePoolerOfTheFolder) {
  ASSERT_EQ(train({"--set", "train.epochs=0"}).code, 0);
  const SafetensorsFile before(model + "/model.safetensors"), after(run + "/model.safetensors");
  const auto values = [](const SafetensorsFile& file, const std::string& name) {
    const Tensor tensor = file.load(name).reshape({-1});
    return std::vector<float>(tensor.data<float>(), tensor.data<float>() + tensor.numel());
  };
  const auto name_in = [](const SafetensorsFile& file) {
    return file.contains("pooler.dense.weight") ? "pooler.dense.weight" : "bert.pooler.dense.weight";
  };
  EXPECT_EQ(values(before, name_in(before)), values(after, name_in(after)));
}

TEST_F(CliTextFolders, AnOutputThatIsNotFiniteIsNoAnswer) {
  ASSERT_EQ(train().code, 0);
  const std::string two = folder.write("two.txt", "the story was good .\nthe film was good .\n");
  constexpr std::int64_t kFilm = 20, kWidth = 16;  // its place in the vocabulary
  for (const std::string& path : {model, run}) {
    NamedTensors weights;
    {
      const SafetensorsFile file(path + "/model.safetensors");
      for (const SafetensorsEntry& entry : file.entries()) {
        weights.emplace_back(entry.name, file.load(entry.name));
        if (entry.name.ends_with("word_embeddings.weight"))
          std::fill_n(weights.back().second.data<float>() + kFilm * kWidth, kWidth, 3e38F);
      }
    }
    save_safetensors(path + "/model.safetensors", weights);
    const char* command = path == run ? "predict" : "embed";
    const ProgramResult result = run_program({command, "--model", path, "--input", two});
    EXPECT_EQ(result.code, 1) << result.err;
    EXPECT_EQ(result.out, "");
    expect_has(result.err, "no finite output for row 2 of " + two);
  }
}

TEST_F(CliTextFolders, AResultThatGoesNowhereIsAnError) {
  const ProgramResult result = run_program_without_output({"embed", "--model", model, "--input", texts});
  EXPECT_EQ(result.code, 1) << result.err;
  expect_has(result.err, "cannot write the result");
}

TEST_F(CliTextFolders, ATemplateOfAnotherTypeIsRefused) {
  nlohmann::json tokenizer = read_json(std::string(THAW_SOURCE_DIR) + "/tests/golden/tokenizers.json");
  tokenizer = tokenizer["tokenizers"]["bert"]["tokenizer"];
  for (auto& piece : tokenizer["post_processor"]["single"])
    if (piece.contains("Sequence")) piece["Sequence"]["type_id"] = 1;
  folder.write("model/tokenizer.json", tokenizer.dump());
  expect_refused(embed(model), {"another type than 0"});
}

TEST_F(CliTextFolders, TextsThatTheTokenizerDoesNotKnowAreNoted) {
  EXPECT_EQ(embed(model).err.find("unknown"), std::string::npos);
  folder.write("new.txt", "le film est beau\n");
  const ProgramResult result = embed(model);
  EXPECT_EQ(result.code, 0) << result.err;
  expect_has(result.err,
             "warning: 50 % of the tokens are unknown to the tokenizer");  // film, [CLS], [SEP] are not
}

TEST_F(CliTextFolders, SizesThatNoMachineHoldsAreRefused) {
  configure(model, {{"num_hidden_layers", 1024}, {"hidden_size", 8192}, {"intermediate_size", 262144}});
  expect_refused(embed(model), {"GB"});
  expect_refused(run_program({"predict", "--model", model, "--input", texts, "--allow-missing"}), {"GB"});
}

TEST_F(CliTextFolders, WhatTheFolderLacksIsNotTimedInSilence) {
  save_safetensors(model + "/model.safetensors", weights_without("layer.1."));
  const std::vector<std::string> bench = {"bench",   "--model", model,      "--steps", "1",
                                          "--batch", "1",       "--length", "4"};
  expect_refused(run_program(bench), {"missing", "layer.1"});
}

// The keys that scripts read.
TEST_F(CliTextFolders, BenchSaysWhatItMeasured) {
  const ProgramResult result =
      run_program({"bench", "--model", model, "--steps", "2", "--batch", "3", "--length", "8", "--threads",
                   "1", "--strategies", "head,full", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  std::istringstream lines(result.out);
  std::string line;
  std::vector<double> flops;
  while (std::getline(lines, line)) {
    const json timing = json::parse(line);
    std::vector<std::string> keys;
    for (const auto& [key, value] : timing.items()) keys.push_back(key);
    EXPECT_EQ(keys, (std::vector<std::string>{"batch", "device", "flops", "length", "ms_median", "ms_min",
                                              "peak_bytes", "peak_rss_bytes", "precision", "steps",
                                              "strategy", "threads", "tokens_per_s"}));
    EXPECT_EQ(timing["batch"], 3);
    EXPECT_EQ(timing["length"], 8);
    EXPECT_EQ(timing["steps"], 2);
    EXPECT_EQ(timing["threads"], 1);
    EXPECT_GE(timing["ms_median"], timing["ms_min"]);
    flops.push_back(timing["flops"]);
  }
  ASSERT_EQ(flops.size(), 2u);
  EXPECT_LT(flops[0], flops[1]);
  const ProgramResult gradual = run_program({"bench", "--model", model, "--steps", "1", "--batch", "1",
                                             "--length", "4", "--strategies", "gradual"});
  expect_has(gradual.err, "gradual: steps of the first of its 4 phases");
}

TEST_F(CliTextFolders, AStrategyThatCannotBeIsRefusedBeforeAnyIsTimed) {
  const ProgramResult result = run_program({"bench", "--model", model, "--steps", "1", "--batch", "1",
                                            "--length", "4", "--strategies", "head,block-99"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  expect_has(result.err, "block-99");
}

TEST_F(CliTextFolders, WhatTheFolderLacksIsNotMadeUpInSilence) {
  ASSERT_EQ(train().code, 0);
  save_safetensors(run + "/model.safetensors", weights_without("layer.1.", run));
  const std::vector<std::string> predict = {"predict", "--model", run, "--input", texts};
  expect_refused(run_program(predict), {"missing", "layer.1"});
  std::vector<std::string> allowed = predict;
  allowed.emplace_back("--allow-missing");
  const ProgramResult result = run_program(allowed);
  EXPECT_EQ(result.code, 0);
  expect_has(result.err, "layer.1");
  expect_has(result.err, "stay as initialised");
}

TEST_F(CliTextFolders, MoreNeighboursThanTestSamplesAreRefusedBeforeAnythingTrains) {
  folder.write("test.csv", sentences_csv(6, 3));
  for (const char* command : {"train", "compare"}) {
    const ProgramResult result =
        run_program({command, config, "--out", run, "--set", "data.test=test.csv", "--set",
                     "data.duplicates=warn", "--set", "compare.neighbours=6"});
    expect_refused(result, {"compare.neighbours = 6", "6 there are"});
    EXPECT_FALSE(std::filesystem::exists(run)) << command;
  }
}

}  // namespace
}  // namespace thaw::test
