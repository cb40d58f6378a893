// Whosever the head is that a run starts from, its rows stay those of their classes: what the model says of a
// text before training is what it said where it came from, by name, in whatever order the task has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "nn/io/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/text_folders.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

const std::string kOtherOrder = R"(data.classes=["good", "bad"])";  // a run's own is bad, good
const Strings kLastLayer = {"--set", R"(strategy.target_modules=["query", "classifier"])", "--set",
                            R"(strategy.modules_to_save=["pooler"])"};

// A run that tells good from bad, and runs that begin with it.
struct CliStartingHead : TextFolders {
  CliStartingHead() {
    EXPECT_EQ(train({"--set", "train.epochs=6"}).code, 0);
    said = labels(run);
    EXPECT_NE(said.find("good"), std::string::npos);
    EXPECT_NE(said.find("bad"), std::string::npos);
  }

  // One from `from` into the folder `name`, without an update but for what `more` says.
  ProgramResult start(const std::string& name, const std::string& from, const Strings& more) const {
    Strings arguments{"train", config,          "--out", folder.path(name), "--set", "model.from=" + from,
                      "--set", "train.epochs=0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return result;
  }

  std::string labels(const std::string& of) const {
    const ProgramResult result = run_program({"predict", "--model", of, "--input", data});
    EXPECT_EQ(result.code, 0) << result.err;
    std::istringstream stream(result.out);
    std::string all;
    for (std::string line; std::getline(stream, line);)
      all += json::parse(line).at("label").get<std::string>() + " ";
    return all;
  }

  // In config.json, as transformers has it.
  void name_rows(const std::string& path, const std::string& first, const std::string& second) const {
    configure(path, {{"id2label", {{"0", first}, {"1", second}}}, {"label2id", {{first, 0}, {second, 1}}}});
  }

  static Strings with(Strings first, const Strings& more) {
    first.insert(first.end(), more.begin(), more.end());
    return first;
  }

  std::string said;  // of every text
};

TEST_F(CliStartingHead, AdaptersInTheLastLayerAreNoPartOfIt) {
  for (const char* strategy : {"lora", "dora"}) {
    const ProgramResult result =
        start(strategy, run, with({"--strategy", strategy, "--set", kOtherOrder}, kLastLayer));
    expect_has(result.err,
               "the head is kept, its rows in the order of the task's classes: \"good\", \"bad\"");
    EXPECT_EQ(labels(folder.path(strategy)), said) << strategy;
  }
}

// Whoever has the last layer has the names, though the pooler is the folder's.
TEST_F(CliStartingHead, APartOfItMayBeTheFolders) {
  start("other", run, {"--set", kOtherOrder});
  const std::string other = folder.path("other");
  save_safetensors(other + "/model.safetensors", weights_without("pooler", other));
  start("again", run, {"--set", "model.init=" + other + "/model.safetensors"});
  EXPECT_EQ(labels(folder.path("again")), said);
}

TEST_F(CliStartingHead, WithoutNamesItHasThoseOfTheFolder) {
  const std::string alone = folder.path("alone.safetensors");
  std::filesystem::copy_file(run + "/model.safetensors", alone);
  const ProgramResult result = start("again", run, {"--set", "model.init=" + alone, "--set", kOtherOrder});
  expect_has(result.err, alone +
                             " does not name its classes: its head's rows are taken for \"bad\", \"good\", "
                             "as " +
                             run + " has them");
  EXPECT_EQ(labels(folder.path("again")), said);
}

TEST_F(CliStartingHead, HalfAHeadIsNone) {
  const std::string half = folder.path("half.safetensors");
  save_safetensors(half, weights_without("classifier.bias", run));
  const ProgramResult result = start("again", model, {"--set", "model.init=" + half});
  expect_has(result.err, "the head is not that of " + half + ": it has no classifier.bias");
}

// Who loads the adapter with PEFT names its rows as the base does.
TEST_F(CliStartingHead, AnAdapterHasTheOrderOfItsBase) {
  for (const char* strategy : {"lora", "dora"}) {
    const std::string tuned = folder.path(std::string("tuned-") + strategy);
    const Strings how = with({"--strategy", strategy, "--set", kOtherOrder}, kLastLayer);
    start("tuned-" + std::string(strategy), run, with(how, {"--set", "train.epochs=1"}));
    EXPECT_EQ(json::parse(file_text(tuned + "/preprocess.json")).at("labels"), (Strings{"good", "bad"}));
    EXPECT_EQ(json::parse(file_text(tuned + "/adapter/preprocess.json")).at("labels"),
              (Strings{"bad", "good"}));
    const std::string trained = labels(tuned);
    EXPECT_EQ(labels(tuned + "/adapter"), trained);
    // The last layer is saved whole, and begins with a fresh adapter.
    start("again", run, with(how, {"--set", "model.init=" + tuned + "/adapter"}));
    EXPECT_EQ(labels(folder.path("again")), trained);
    std::filesystem::remove(tuned + "/adapter/preprocess.json");  // as PEFT leaves it
    EXPECT_EQ(labels(tuned + "/adapter"), trained);
    std::filesystem::remove_all(folder.path("again"));
  }
}

// As transformers leaves a head that nobody named: LABEL_k and k are row k, whatever the order of the texts.
TEST_F(CliStartingHead, UnnamedRowsAreThoseOfTheirNumbers) {
  const std::string bare = folder.path("bare");
  start("bare", run, {});
  std::filesystem::remove(bare + "/preprocess.json");
  const std::string named = labels(bare);
  name_rows(bare, "LABEL_0", "LABEL_1");
  const auto accuracy = [&](const std::string& first, const std::string& second, const Strings& more) {
    std::string table = "text,label\n";
    std::istringstream stream(named);
    const std::string texts_alone = file_text(data);
    std::istringstream rows(texts_alone.substr(texts_alone.find('\n') + 1));
    for (std::string row, label; std::getline(rows, row) && stream >> label;)
      table += row.substr(0, row.rfind(',') + 1) + (label == "bad" ? first : second) + "\n";
    folder.write("named.csv", table);
    const ProgramResult result = run_program(
        with({"eval", config, "--model", bare, "--set", "data.test=" + folder.path("named.csv")}, more));
    return result.code == 0 ? json::parse(result.out).at("accuracy").get<double>() : -result.code;
  };
  EXPECT_EQ(accuracy("LABEL_0", "LABEL_1", {}), 1);
  EXPECT_EQ(accuracy("0", "1", {}), 1);
  EXPECT_EQ(accuracy("0", "1", {"--set", R"(data.classes=[1, 0])"}), 1);
  EXPECT_EQ(accuracy("bad", "good", {}), -2) << "nobody knows";
  EXPECT_EQ(accuracy("z-bad", "good", {"--set", R"(data.classes=["z-bad", "good"])"}), 1);
}

// Column, length and pooling are those that the head was trained with.
TEST_F(CliStartingHead, ATextIsTakenAsTheWeightsOfInitWereTrained) {
  std::string body = file_text(data);
  folder.write("body.csv", "body" + body.substr(4));
  const Strings own = {"--set", "data.train=" + folder.path("body.csv"), "--set", "data.text=body"};
  start("tuned", model,
        with(own, {"--set", "train.epochs=6", "--set", "model.max_length=5", "--set", "model.pooling=mean"}));
  folder.write("both.csv", "text,body,label\nnothing of it,the film was good .,good\n");
  const std::string from_tuned = folder.path("from-tuned"), from_model = folder.path("from-model");
  const Strings further = {"--set", "data.train=" + folder.path("body.csv")};
  start("from-tuned", folder.path("tuned"), further);
  for (const char* init : {"tuned", "tuned/model.safetensors"}) {
    start("from-model", model, with(further, {"--set", "model.init=" + folder.path(init)}));
    EXPECT_EQ(json::parse(file_text(from_model + "/preprocess.json")),
              json::parse(file_text(from_tuned + "/preprocess.json")));
    EXPECT_EQ(file_text(from_model + "/model.safetensors"), file_text(from_tuned + "/model.safetensors"));
    std::filesystem::remove_all(from_model);
  }
}

// PEFT calls row k of a head that nobody named LABEL_k.
TEST_F(CliStartingHead, AnAdapterOfAnUnnamedBaseHasItsRowsInTheirOrder) {
  const std::string bare = folder.path("bare");
  start("bare", run, {});
  std::filesystem::remove(bare + "/preprocess.json");
  name_rows(bare, "LABEL_0", "LABEL_1");
  std::string numbers = file_text(data);
  for (const auto& [word, number] : {std::pair{",good\n", ",1\n"}, {",bad\n", ",0\n"}})
    for (std::size_t at = 0; (at = numbers.find(word, at)) != std::string::npos;)
      numbers.replace(at, std::string(word).size(), number);
  folder.write("numbers.csv", numbers);
  start("tuned", bare,
        {"--strategy", "lora", "--set", "data.train=" + folder.path("numbers.csv"), "--set",
         "data.classes=[1, 0]"});
  EXPECT_EQ(json::parse(file_text(folder.path("tuned/preprocess.json"))).at("labels"), (Strings{"1", "0"}));
  EXPECT_EQ(json::parse(file_text(folder.path("tuned/adapter/preprocess.json"))).at("labels"),
            (Strings{"0", "1"}));
  std::filesystem::remove_all(folder.path("tuned"));
  const ProgramResult renamed =
      start("tuned", run, {"--strategy", "lora", "--set", "data.train=" + folder.path("numbers.csv")});
  expect_has(renamed.err, "PEFT calls the classes of an adapter as the base does, \"bad\", \"good\"");
  // A base that names a class twice says nothing of the order.
  name_rows(bare, "0", "0.0");
  std::filesystem::remove_all(folder.path("tuned"));
  start("tuned", bare, {"--strategy", "lora", "--set", "data.train=" + folder.path("numbers.csv")});
  EXPECT_EQ(json::parse(file_text(folder.path("tuned/adapter/preprocess.json"))).at("labels"),
            (Strings{"0", "1"}));
}

// The tokens of the weights are those of their own folder.
TEST_F(CliStartingHead, AnotherTokenizerBesideTheWeightsIsWarnedOf) {
  start("other", run, {});
  const std::string other = folder.path("other"), vocabulary = file_text(other + "/vocab.txt");
  const std::string warning = "warning: the tokenizer of " + other + ", whose weights these are, gives other";
  const Strings init = {"--set", "model.init=" + other + "/model.safetensors"};
  EXPECT_EQ(start("same", run, init).err.find(warning), std::string::npos);
  std::string words = vocabulary;
  const std::size_t was = words.find("\nwas\n"), the = words.find("\nthe\n");
  ASSERT_NE(std::max(was, the), std::string::npos);
  words.replace(was, 5, "\nthe\n").replace(the, 5, "\nwas\n");
  folder.write("other/vocab.txt", words);
  expect_has(start("again", run, init).err, warning);
}

// Only PEFT leaves the last layer itself to the base; rows of two orders cannot be added.
TEST_F(CliStartingHead, AnAdapterOfTheLastLayerInAnotherOrderIsRefused) {
  start("tuned", run, {"--strategy", "lora", "--set", kOtherOrder});
  const std::string adapter = folder.path("tuned/adapter");
  const SafetensorsFile file(adapter + "/adapter_model.safetensors");
  NamedTensors tensors;
  for (const SafetensorsEntry& entry : file.entries())
    if (entry.name.find("classifier") == std::string::npos)
      tensors.emplace_back(entry.name, file.load(entry.name));
  tensors.emplace_back("base_model.model.classifier.lora_A.weight", full({8, 16}, 0.5));
  tensors.emplace_back("base_model.model.classifier.lora_B.weight",
                       from_vector(std::vector<double>(16, 0.5), {2, 8}));
  save_safetensors(adapter + "/adapter_model.safetensors", tensors, {{"format", "pt"}});
  Strings arguments{"train", config,
                    "--out", folder.path("again"),
                    "--set", "model.from=" + run,
                    "--set", "model.init=" + adapter};
  EXPECT_EQ(run_program(arguments).code, 0);
  std::filesystem::remove_all(folder.path("again"));
  json preprocess = json::parse(file_text(adapter + "/preprocess.json"));
  preprocess["labels"] = Strings{"good", "bad"};
  folder.write("tuned/adapter/preprocess.json", preprocess.dump());
  expect_refused(run_program(arguments), {R"(the adapter's last layer has the classes "good", "bad")",
                                          R"(the model's "bad", "good")", "set model.from to the base"});
}

}  // namespace
}  // namespace thaw::test
