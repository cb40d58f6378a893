// Studies as configs: the [[axis]] tables, the cells that they make, and what is refused.
#include <gtest/gtest.h>

#include "finetune/config/config.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

struct StudyConfig : ::testing::Test {
  Study load(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    return load_study(folder.write("study.toml", text), overrides);
  }
  void expect_refused(const std::string& text, const std::string& what, int line) const {
    const std::string message = message_of<InputError>([&] { load(text); });
    expect_has(message, what);
    expect_has(message, folder.path("study.toml") + ":" + std::to_string(line));
    expect_has(message, "; write [[axis]] with name = \"shift\" and values = [");
  }
  TemporaryFolder folder;
};

constexpr const char* kStudy = R"([train]
epochs = 2
lr = 0.5
[[axis]]
name = "size"
values = [ { name = "small", train.batch_size = 4 },
           { name = "large", train.batch_size = 64, train.steps = 9, when.b = { train.lr = 0.25 } } ]
[[axis]]
name = "part"
random = true
values = [ { name = "a", data.split_seed = 1 }, { name = "b", data.split_seed = 2, train.lr = 0.75 },
           { name = "c" } ]
)";

TEST_F(StudyConfig, CellsAreEveryCombination) {
  const Study study = load(kStudy);
  ASSERT_EQ(study.axes.size(), 2u);
  EXPECT_EQ(study.axes[0].name, "size");
  EXPECT_FALSE(study.axes[0].random);
  EXPECT_TRUE(study.axes[1].random);
  EXPECT_EQ(study.axes[1].values, (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_EQ(study.cells.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    const StudyCell& cell = study.cells[i];
    EXPECT_EQ(cell.values, (std::vector<std::size_t>{i / 3, i % 3})) << "the last axis runs fastest";
    EXPECT_EQ(cell.config.train.batch_size, i < 3 ? 4 : 64);
    EXPECT_EQ(cell.config.data.split_seed, (std::vector<std::uint64_t>{1, 2, 0})[i % 3]);
    EXPECT_EQ(cell.config.train.steps, i < 3 ? 0 : 9) << "epochs give way to steps";
  }
}

TEST_F(StudyConfig, WhenComesLastAndOverridesWin) {
  const auto rates = [](const Study& study) {
    std::vector<double> values;
    for (const StudyCell& cell : study.cells) values.push_back(cell.config.train.lr);
    return values;
  };
  EXPECT_EQ(rates(load(kStudy)), (std::vector<double>{0.5, 0.75, 0.5, 0.5, 0.25, 0.5}));
  EXPECT_EQ(rates(load(kStudy, {"train.lr=3"})), std::vector<double>(6, 3.0));
}

TEST_F(StudyConfig, AnOverrideOfWhatAnAxisVariesIsSaid) {
  const std::vector<std::string> notes =
      load(kStudy, {"train.batch_size=8", "train.clip_norm=1"}).cells[3].config.notes;
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0],
            "warning: --set gives train.batch_size, and so every value of the axis \"size\" the same");
}

TEST_F(StudyConfig, AnOrdinaryConfigIsOneCell) {
  const Study study = load("[train]\nlr = 2\n");
  EXPECT_TRUE(study.axes.empty());
  ASSERT_EQ(study.cells.size(), 1u);
  EXPECT_EQ(study.cells[0].config.train.lr, 2);
  EXPECT_TRUE(study.cells[0].config.notes.empty());
}

TEST_F(StudyConfig, AsOneConfigItIsItsFirstCell) {
  const Config config = load_config(folder.write("study.toml", kStudy));
  EXPECT_EQ(config.train.batch_size, 4);
  EXPECT_EQ(config.data.split_seed, 1u);
  ASSERT_EQ(config.notes.size(), 1u);
  expect_has(config.notes[0], "a study of 6 cells; this is the first");
}

TEST_F(StudyConfig, BadAxesAreRefused) {
  const auto axis = [](const std::string& lines) { return "[[axis]]\n" + lines + "\n"; };
  const auto value = [&](const std::string& text) {
    return axis("name = \"n\"\nvalues = [ { name = \"a\" },\n" + text + " ]");
  };
  expect_refused("axis = 3", "axis is no list of tables", 1);
  expect_refused("[train]\n[axis]\nname = \"n\"", "axis is no list of tables", 2);
  expect_refused("\naxis = [ 1 ]", "axis is no list of tables", 2);
  expect_refused(axis("name = \"n\"\nvalues = [ { name = \"a\" } ]\nvalue = 1"),
                 "an axis has no key \"value\"", 4);
  expect_refused(axis("values = [ { name = \"a\" } ]"), "an axis needs a name and values", 1);
  expect_refused(axis("name = 1\nvalues = [ { name = \"a\" } ]"), "an axis needs a name and values", 1);
  for (const char* values : {"", "values = []", "values = 3", "values = { name = \"a\" }"})
    expect_refused(axis(std::string("name = \"n\"\n") + values), "an axis needs a name and values", 1);
  expect_refused(axis("name = \"n\"\nvalues = [ { name = \"a\" } ]\nrandom = \"yes\""),
                 "an axis's `random` is true or false", 4);
  for (const char* name : {"", "a,b", "a b"})
    expect_refused(axis(std::string("name = \"") + name + "\"\nvalues = [ { name = \"a\" } ]"),
                   std::string("the axis's name \"") + name + "\" is no plain word", 1);
  expect_refused(value("3"), "a value of an axis is a table with a name", 4);
  expect_refused(value("{ train.lr = 1 }"), "a value of an axis is a table with a name", 4);
  expect_refused(value("{ name = 1 }"), "a value of an axis is a table with a name", 4);
  for (const char* name : {"", "..", "a/b", "two words", "a,b"})
    expect_refused(value(std::string("{ name = \"") + name + "\" }"),
                   std::string("the value's name \"") + name + "\" is no plain word", 4);
  expect_refused(value("{ name = \"b\", when = 1 }"), "`when` is a table of tables", 4);
  expect_refused(value("{ name = \"b\", when.a = 1 }"), "`when.a` is no table", 4);
  expect_refused(value("{ name = \"b\", when.x = { train.lr = 1 } }"), "`when.x` names no value of an axis",
                 4);
  expect_refused(value("{ name = \"a\" }"), "two values have the name \"a\"", 1);
  expect_refused(kStudy + axis("name = \"third\"\nvalues = [ { name = \"b\" } ]"),
                 "two values have the name \"b\"", 13);
  expect_refused(kStudy + axis("name = \"part\"\nvalues = [ { name = \"z\" } ]"),
                 "two axes have the name \"part\"", 13);
}

TEST_F(StudyConfig, WhatAValueChangesIsChecked) {
  const auto message = [&](const std::string& change) {
    return message_of<InputError>([&] {
      load("[[axis]]\nname = \"n\"\nvalues = [ { name = \"a\" },\n{ name = \"b\", " + change + " } ]\n");
    });
  };
  expect_worded(message("train.lrr = 1"));
  expect_worded(message("train.lr = \"x\""));
  expect_has(message("when.a = { train.lr = -1 }"), kNothingThrown);  // a and b never meet
}

}  // namespace
}  // namespace thaw::test
