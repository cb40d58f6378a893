// What new data mean to the weights that a run starts from: columns by name, values on the same scale.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/data/readers/labels.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/starting_model.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/run.h"
#include "tests/support/datasets.h"
#include "tests/support/files.h"
#include "tests/support/from_config.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using Strings = std::vector<std::string>;

// A run on a table of a and b, whose values are far from 0 and of unlike scales.
class TableRun : public ::testing::Test {
 protected:
  TableRun() {
    config.data.train = table("old.csv", "a,b,label", 80, true);
    config.data.standardize = Standardize::train;
    config.train.epochs = 20;
    config.train.checkpoint_every = Period{};
    config.train.lr = 0.01;
    train("run");
    config.model.from = folder.path("run");
    config.data.train = table("new.csv", "a,b,label", 40, true);
    config.data.standardize = Standardize::unset;
    config.train.epochs = 0;
  }

  // Label 1 where a is above 100; b means nothing. `a_first`: the order of the columns.
  std::string table(const std::string& name, const std::string& header, int rows, bool a_first) {
    std::string text = header + "\n";
    for (int row = 0; row < rows; ++row) {
      const std::string a = std::to_string(100 + (row * 37) % 41 - 20), b = std::to_string(row % 7);
      const std::string label = (row * 37) % 41 > 20 ? "1" : "0";
      text += (a_first ? a + "," + b : b + "," + a) + "," + label + "\n";
    }
    return folder.write(name, text);
  }

  RunResult train(const std::string& name) {
    return test::train(config, name.empty() ? "" : folder.path(name));
  }

  double accuracy() { return metric(train("").validation, "accuracy"); }

  Strings notes() { return data_of(config).notes; }
  bool has_note(const std::string& part) {
    const Strings all = notes();
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& note) { return note.find(part) != std::string::npos; });
  }

  TemporaryFolder folder;
  Config config;
};

TEST_F(TableRun, ColumnsAreMatchedByName) {
  const double as_trained = accuracy();
  EXPECT_GT(as_trained, 0.9);
  const PreparedData straight = data_of(config);
  config.data.train = table("swapped.csv", "b,a,label", 40, false);
  const PreparedData swapped = data_of(config);
  EXPECT_EQ(swapped.train.columns, (Strings{"a", "b"}));
  EXPECT_EQ(values_of(swapped.train), values_of(straight.train));
  EXPECT_EQ(accuracy(), as_trained);
}

TEST_F(TableRun, OtherColumnsAreRefusedWithBothLists) {
  config.data.train = table("other.csv", "u,b,label", 40, true);
  const std::string message = message_of<InputError>([&] { notes(); });
  for (const char* part : {"the model's feature columns \"a\" are not in the table",
                           "which has \"u\", \"b\", \"label\"", "\"a\", \"b\""})
    EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST_F(TableRun, FurtherFilesAreReadByNameToo) {
  config.data.validation = table("swapped.csv", "b,a,label", 30, false);
  config.data.duplicates = Duplicates::warn;
  EXPECT_GT(accuracy(), 0.9);
}

TEST_F(TableRun, AFileOfWeightsHasItsColumnsBesideIt) {
  config.model.from = "mlp";
  config.model.init = folder.path("run/model.safetensors");
  config.data.train = table("swapped.csv", "b,a,label", 40, false);
  EXPECT_GT(accuracy(), 0.9);
  EXPECT_TRUE(has_note("standardised by the model's own mean and deviation"));
}

// The weights that count are those of model.init, and so is what its folder says.
TEST_F(TableRun, OfTwoRunsThatOfInitCounts) {
  const Config first = config;
  config.model.from = "mlp";
  config.data.train = table("shifted.csv", "b,a,label", 80, false);
  config.data.standardize = Standardize::train;
  config.train.epochs = 20;
  train("other");
  config = first;
  config.model.init = folder.path("other/model.safetensors");
  const PreparedData data = data_of(config);
  EXPECT_EQ(data.train.columns, (Strings{"b", "a"}));
  EXPECT_GT(accuracy(), 0.9);
  EXPECT_TRUE(has_note("standardised by the model's own mean and deviation (" + folder.path("other")));
}

// Its A was trained on its own scale, and has the order of its own columns.
TEST_F(TableRun, AnAdapterKeepsItsScaleAndItsColumns) {
  const Config first = config;
  config.data.train = table("other.csv", "a,b,label", 60, true);
  config.data.standardize = Standardize::train;
  config.strategy.name = "lora";
  train("tuned");
  config = first;
  config.model.init = folder.path("tuned/adapter");
  const PreparedData data = data_of(config);
  const ModelFolder tuned = read_model_folder(folder.path("tuned"));
  EXPECT_EQ(data.preprocess.mean, tuned.preprocess.mean);
  EXPECT_NE(data.preprocess.mean, read_model_folder(folder.path("run")).preprocess.mean);
  Config swapped = first;
  swapped.model.from = "mlp";
  swapped.data.train = table("swapped.csv", "b,a,label", 40, false);
  swapped.data.standardize = Standardize::train;
  std::swap(config, swapped);
  train("base2");
  std::swap(config, swapped);
  config.model.from = folder.path("base2");
  expect_worded(message_of<InputError>([&] { data_of(config); }));
}

TEST_F(TableRun, ALinkToItsWeightsIsKnown) {
  std::filesystem::create_symlink(folder.path("run/model.safetensors"), folder.path("link.safetensors"));
  config.model.from = "mlp";
  config.model.init = folder.path("link.safetensors");
  EXPECT_GT(accuracy(), 0.9);
  EXPECT_TRUE(has_note("standardised by the model's own mean and deviation"));
}

TEST_F(TableRun, AFileByItselfOverAFolderIsWarnedOf) {
  std::filesystem::copy_file(folder.path("run/model.safetensors"), folder.path("alone.safetensors"));
  config.model.init = folder.path("alone.safetensors");
  const Strings said = model_of(config, data_of(config)).notes;
  EXPECT_TRUE(std::any_of(said.begin(), said.end(), [&](const std::string& note) {
    return note.find("its values are taken as those of " + folder.path("run")) != std::string::npos;
  }));
}

TEST_F(TableRun, WhatAFileByItselfLeavesOpenIsSaid) {
  std::filesystem::copy_file(folder.path("run/model.safetensors"), folder.path("alone.safetensors"));
  config.model.from = "mlp";
  config.model.init = folder.path("alone.safetensors");
  const PreparedData data = data_of(config);
  const Strings said = model_of(config, data).notes;
  const auto has = [&](const std::string& part) {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& note) { return note.find(part) != std::string::npos; });
  };
  EXPECT_TRUE(has("its classes have no names, and are taken for 0, 1 in this order"));
  EXPECT_TRUE(has("the columns are taken in this order, \"a\", \"b\""));
}

TEST_F(TableRun, ItsOwnMeanAndDeviationAreTheDefault) {
  const PreparedData data = data_of(config);
  EXPECT_EQ(data.scaling, Scaling::model);
  EXPECT_EQ(data.preprocess.mean, open_source(config.model).origin()->preprocess.mean);
  EXPECT_TRUE(has_note("standardised by the model's own mean and deviation"));
  config.data.standardize = Standardize::where_known;
  EXPECT_EQ(values_of(data_of(config).train), values_of(data.train));
  config.data.standardize = Standardize::model;
  EXPECT_EQ(values_of(data_of(config).train), values_of(data.train));
}

TEST_F(TableRun, StatisticsOfAFewRowsAreWarnedOf) {
  config.data.samples_per_class = 3;
  const double own = accuracy();
  EXPECT_FALSE(has_note("rough"));
  EXPECT_GT(own, 0.9);
  config.data.standardize = Standardize::train;
  EXPECT_TRUE(
      has_note("warning: mean and deviation are those of 6 rows, and of fewer than 50 they are rough"));
  EXPECT_TRUE(has_note("not by the mean and deviation of"));
}

TEST_F(TableRun, ValuesThatTheModelWasNotTrainedOnAreWarnedOf) {
  config.data.standardize = Standardize::never;
  EXPECT_EQ(data_of(config).scaling, Scaling::none);
  EXPECT_TRUE(has_note("warning: the model was trained on standardised values"));
  config.model.from = "mlp";
  EXPECT_FALSE(has_note("warning: the model was trained"));
  config.data.standardize = Standardize::model;
  EXPECT_NE(message_of<InputError>([&] { notes(); }).find("no starting model"), std::string::npos);
}

TEST_F(TableRun, WhatWasTrainedOnRawValuesIsNotGivenOthersInSilence) {
  config.model.from = "mlp";
  config.data.standardize = Standardize::never;
  train("raw");
  config.model.from = folder.path("raw");
  config.data.standardize = Standardize::unset;
  EXPECT_EQ(data_of(config).scaling, Scaling::none);
  config.data.standardize = Standardize::where_known;
  EXPECT_EQ(data_of(config).scaling, Scaling::training);
  EXPECT_TRUE(has_note("warning: the model was trained on values as they are"));
}

// A run that goes on from a run hands the statistics on.
TEST_F(TableRun, TheNextRunKeepsThem) {
  train("next");
  Config next = config;
  next.model.from = folder.path("next");
  EXPECT_EQ(open_source(next.model).origin()->preprocess.mean,
            open_source(config.model).origin()->preprocess.mean);
}

}  // namespace
}  // namespace thaw::test
