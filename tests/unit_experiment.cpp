// From a config to a model: when the head is made anew, and that strategies are told the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "finetune/data/readers/labels.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/starting_model.h"
#include "finetune/preprocess/class_spelling.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/run.h"
#include "finetune/run/run_folder.h"
#include "finetune/run/run_report.h"
#include "finetune/train/fingerprint.h"
#include "nn/layers/linear.h"
#include "tests/support/files.h"
#include "tests/support/from_config.h"

namespace thaw::test {
namespace {

using Strings = std::vector<std::string>;

bool has_note(const Strings& notes, const std::string& part) {
  return std::any_of(notes.begin(), notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

TEST(Labels, ThatDifferInCapitalsAloneAreNoted) {
  const TemporaryFolder folder;
  const auto noted = [&](const std::string& label) {
    Config config;
    config.data.train = folder.write("t.csv", "x,label\n1,bad\n2," + label + "\n3,good\n4,good\n");
    return has_note(loaded_of(config, false).notes, "\"Bad\" and \"bad\" differ in capitals alone");
  };
  EXPECT_TRUE(noted("Bad"));
  EXPECT_FALSE(noted("bad "));
}

TEST(Labels, ThatStandForMissingOnesAreWarnedOf) {
  EXPECT_EQ(notes_of_spellings({"bad", "N/A", "good", "nan"}).size(), 2);
  EXPECT_TRUE(notes_of_spellings({"bad", "national"}).empty());
}

TEST(Labels, SayWhichRowOfAnUnnamedHeadTheyAre) {
  EXPECT_EQ(numbered_labels({"LABEL_10", "LABEL_2", "LABEL_0"}, 11)[10], "LABEL_10");
  EXPECT_EQ(numbered_labels({"2", "0"}, 3), (Strings{"0", "LABEL_1", "2"}));
  EXPECT_EQ(numbered_labels({"LABEL_1", "LABEL_2"}, 3).size(), 3) << "their texts say it";
  EXPECT_TRUE(numbered_labels({"1", "2"}, 3).empty()) << "they may count from 1";
  for (const Strings& unclear :
       {Strings{"a", "b"}, {"1", "2", "3"}, {"0", "-1"}, {"LABEL_x"}, {"0", "0.5"}, {}})
    EXPECT_TRUE(numbered_labels(unclear, 3).empty());
}

TEST(RunFingerprint, HasTheNamesOfColumnsAndClasses) {
  PreparedData data;
  data.train.columns = {"a", "b"};
  data.train.classes = {"no", "yes"};
  const std::string before = run_fingerprint({}, data);
  PreparedData renamed = data;
  EXPECT_EQ(run_fingerprint({}, renamed), before);
  renamed.train.columns = {"b", "a"};
  EXPECT_NE(run_fingerprint({}, renamed), before);
  renamed = data;
  renamed.train.classes = {"no", "si"};
  EXPECT_NE(run_fingerprint({}, renamed), before);
}

TEST(Targets, ThatAreLargeAreWarnedOf) {
  const TemporaryFolder folder;
  const auto noted = [&](const std::string& targets) {
    Config config;
    config.data.task = "regression";
    config.data.train = folder.write("t.csv", "x,label\n" + targets);
    return has_note(loaded_of(config, false).notes, "warning: the targets have a mean of ");
  };
  EXPECT_TRUE(noted("1,1000\n2,1001\n3,1002\n"));
  EXPECT_TRUE(noted("1,-50\n2,50\n3,0\n"));
  EXPECT_FALSE(noted("1,-1.5\n2,2\n3,10\n"));
}

// A rows permuted so that row i is what row `rows[i]` was.
std::vector<float> permuted(const Tensor& tensor, const std::vector<std::int64_t>& rows) {
  const std::int64_t width = tensor.numel() / tensor.size(0);
  std::vector<float> values;
  for (const std::int64_t row : rows)
    values.insert(values.end(), tensor.data<float>() + row * width, tensor.data<float>() + (row + 1) * width);
  return values;
}

bool has_values(const Tensor& tensor, const std::vector<float>& values) {
  return tensor.numel() == static_cast<std::int64_t>(values.size()) &&
         std::equal(values.begin(), values.end(), tensor.data<float>());
}

// A model folder for the digits 0, 1 and 2, and a config that begins with it.
class HeadIsNew : public ::testing::Test {
 protected:
  HeadIsNew() {
    config.data.train = "builtin:digits";
    config.data.classes = {"0", "1", "2"};
    config.model.from = "cnn";
    config.model.width = 2;
    config.model.depth = 1;
    config.strategy.name = "block-1";
    write_folder(config);
    config.model.from = folder.path("model");
  }

  void write_folder(const Config& of) {
    const PreparedData data = data_of(of);
    const PreparedModel made = model_of(of, data, 7);
    weights = merged_weights(*made.model);
    std::filesystem::create_directory(folder.path("model"));
    write_model_folder(folder.path("model"), made.config, data.preprocess, weights);
  }

  void write_weights(const std::string& name, const std::string& prefix, bool with_head) {
    NamedTensors some;
    for (const auto& [tensor, value] : weights)
      if (with_head || !tensor.starts_with("head")) some.emplace_back(prefix + tensor, value);
    save_safetensors(folder.path(name), some);
  }

  // What head_is_new says, which must be what prepare_model does and what strategy_for acts upon.
  bool head_is_new_for(const Config& of) {
    const PreparedData data = data_of(of);
    const PreparedModel loaded = model_of(of, data, 8);
    const Tensor& head = loaded.model->parameters().back()->tensor;
    const Tensor& saved = std::find_if(weights.begin(), weights.end(), [&](const auto& named) {
                            return named.first == loaded.model->parameters().back()->name;
                          })->second;
    // The rows stand as the classes do; the folder's labels are 0, 1 and 2, or a and b.
    const auto rows = places_of_labels(
        data.train.classes, data.train.classes.size() == 3 ? Strings{"0", "1", "2"} : Strings{"a", "b"});
    const bool is_saved = rows && head.shape() == saved.shape() && has_values(head, permuted(saved, *rows));
    const bool is_new = has_new_head(of, data);
    EXPECT_EQ(is_new, !is_saved);
    EXPECT_EQ(strategy_of(of, data).plan.phases[0].train, is_new ? "stem,top:0" : "stem");
    return is_new;
  }

  TemporaryFolder folder;
  Config config;
  NamedTensors weights;
};

TEST_F(HeadIsNew, WithAnArchitectureOrOtherLabels) {
  EXPECT_FALSE(head_is_new_for(config));
  Config other = config;
  other.data.classes = {"0", "1", "3"};
  EXPECT_TRUE(head_is_new_for(other));
  other.data.classes = {"1", "0", "2"};
  EXPECT_FALSE(head_is_new_for(other)) << "the same labels in another order";
  other.data.classes = {"2.0", "0", "01"};
  EXPECT_FALSE(head_is_new_for(other)) << "numbers that are equal";
  other.data.classes = {"0", "1"};
  EXPECT_TRUE(head_is_new_for(other));
  other = config;
  other.model.from = "cnn";
  EXPECT_TRUE(head_is_new_for(other));
}

TEST_F(HeadIsNew, WhereMergedClassesHaveTheSameNamesItIsKept) {
  config.data.classes.clear();
  config.data.merge = {{"a", {"0", "1"}}, {"b", {"2"}}};
  config.model.from = "cnn";
  write_folder(config);
  config.model.from = folder.path("model");
  config.data.merge = {{"a", {"5"}}, {"b", {"6", "7"}}};
  EXPECT_FALSE(head_is_new_for(config));
}

TEST_F(HeadIsNew, WhereTheFolderHasNone) {
  write_weights("model/model.safetensors", "", false);
  EXPECT_TRUE(head_is_new_for(config));
  write_weights("model/model.safetensors", "base_model.model.", true);
  EXPECT_FALSE(head_is_new_for(config));
}

TEST_F(HeadIsNew, UnlessModelInitHasIt) {
  config.model.from = "cnn";
  config.model.init = folder.path("init.safetensors");
  write_weights("init.safetensors", "", true);
  EXPECT_FALSE(head_is_new_for(config));
  write_weights("init.safetensors", "", false);
  EXPECT_TRUE(head_is_new_for(config));
  write_weights("init.safetensors", "", true);
  config.data.classes = {"0", "1"};
  EXPECT_TRUE(head_is_new_for(config)) << "of another shape";
}

// A file of weights in a run's folder has its classes named beside it.
TEST_F(HeadIsNew, UnlessModelInitIsOfARunWithTheSameLabels) {
  config.model.init = folder.path("model/model.safetensors");
  config.model.from = "cnn";
  config.data.classes = {"1", "2", "0"};
  EXPECT_FALSE(head_is_new_for(config));
  config.data.classes = {"1", "2", "4"};
  EXPECT_TRUE(head_is_new_for(config));
}

// An adapter and its base, both for the digits 0, 1 and 2, each with a head of its own.
class HeadOfAnAdapter : public ::testing::Test {
 protected:
  HeadOfAnAdapter() {
    config.data.train = "builtin:digits";
    config.data.classes = {"0", "1", "2"};
    config.data.limit = 60;
    config.model.from = "mlp";
    config.train.epochs = 0;
    train("base");
    config.model.from = folder.path("base");
    config.train.epochs = 1;
    config.strategy.name = "lora";
    train("run");
    config.model.init = folder.path("run/adapter");
  }

  void train(const std::string& name) { test::train(config, folder.path(name)); }

  void set_labels(const Strings& labels) {
    const std::string path = config.model.init + "/preprocess.json";
    nlohmann::json preprocess = nlohmann::json::parse(file_text(path));
    preprocess["labels"] = labels;
    folder.write("run/adapter/preprocess.json", preprocess.dump());
  }

  // Of which file the start's head is: "adapter", "base" or "none". For lora, which goes on with the adapter,
  // and for full, into whose weights it is folded.
  std::string head() {
    const PreparedData data = data_of(config);
    const Strategy lora = strategy_of(config, data);
    const std::string with_lora = source_of(model_of(config, data, 3, lora.adapters));
    EXPECT_EQ(source_of(model_of(config, data, 3)), with_lora);
    EXPECT_EQ(has_new_head(config, data), with_lora == "none");
    return with_lora;
  }

  std::string source_of(const PreparedModel& prepared) {
    notes = prepared.notes;
    const ParameterPtr& head = prepared.model->output_layer().weight();
    const auto is_in = [&](const std::string& file, const std::string& name) {
      return has_values(head->tensor, permuted(SafetensorsFile(folder.path(file)).load(name), rows));
    };
    if (is_in("run/adapter/adapter_model.safetensors", "base_model.model." + head->name)) return "adapter";
    return is_in("base/model.safetensors", head->name) ? "base" : "none";
  }

  TemporaryFolder folder;
  Config config;
  Strings notes;                            // of the last start
  std::vector<std::int64_t> rows{0, 1, 2};  // which row of the file each of the head's is to be
};

TEST_F(HeadOfAnAdapter, IsTakenWhereItsLabelsAreTheTasks) {
  EXPECT_EQ(head(), "adapter");
  set_labels({"1", "2", "0"});
  rows = {2, 0, 1};
  EXPECT_EQ(head(), "adapter") << "by name, whatever the order";
  EXPECT_TRUE(has_note(
      notes,
      R"(its rows in the order of the task's classes: "0", "1", "2"; they were those of "1", "2", "0")"));
  config.data.classes = {"1", "2", "0"};
  rows = {0, 1, 2};
  EXPECT_EQ(head(), "adapter");
  EXPECT_FALSE(has_note(notes, "its rows in the order"));
  set_labels({"1", "2", "3"});
  rows = {1, 2, 0};
  EXPECT_EQ(head(), "base") << "whose labels are the task's";
}

TEST_F(HeadOfAnAdapter, IsNewWhereNeitherHasTheTasksLabels) {
  config.data.classes = {"0", "1", "3"};
  EXPECT_EQ(head(), "none");
  EXPECT_TRUE(has_note(
      notes, R"(the head is not the adapter's: its labels, "0", "1", "2", differ from the task's ()" +
                 config.model.init));
}

// As PEFT leaves it: the classes are the base's.
TEST_F(HeadOfAnAdapter, HasTheBasesLabelsWhereItRecordsNone) {
  std::filesystem::remove(config.model.init + "/preprocess.json");
  config.data.classes = {"2", "0", "1"};
  rows = {2, 0, 1};
  EXPECT_EQ(head(), "adapter");
  EXPECT_FALSE(has_note(notes, "have no names"));
  config.data.classes = {"0", "1", "3"};
  EXPECT_EQ(head(), "none");
}

// Not those of another folder that it is put onto.
TEST_F(HeadOfAnAdapter, HasTheLabelsOfTheBaseThatItWasTrainedOn) {
  std::filesystem::remove(config.model.init + "/preprocess.json");
  std::filesystem::copy(folder.path("base"), folder.path("other"));
  nlohmann::json preprocess = nlohmann::json::parse(file_text(folder.path("other/preprocess.json")));
  preprocess["labels"] = Strings{"2", "0", "1"};
  folder.write("other/preprocess.json", preprocess.dump());
  config.model.from = folder.path("other");
  EXPECT_EQ(head(), "adapter");
  EXPECT_TRUE(has_note(notes, R"(its head's rows are taken for "0", "1", "2", as )" + folder.path("base")));
}

TEST_F(HeadOfAnAdapter, IsTakenByItsShapeWhereNobodyNamesTheClasses) {
  std::filesystem::remove(config.model.init + "/preprocess.json");
  nlohmann::json preprocess = nlohmann::json::parse(file_text(folder.path("base/preprocess.json")));
  preprocess["labels"] = Strings{};
  folder.write("base/preprocess.json", preprocess.dump());
  config.data.classes = {"0", "1", "3"};
  EXPECT_EQ(head(), "adapter");
  EXPECT_TRUE(has_note(notes, "its classes have no names, and are taken for 0, 1, 3 in this order"));
}

}  // namespace
}  // namespace thaw::test
