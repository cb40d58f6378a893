// `thaw eval` takes data for what they are: classes and columns by name, each test evaluation counted.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

struct CliEval : ::testing::Test {
  CliEval() {
    folder.write("train.csv", clusters_csv(90, 1));
    folder.write("test.csv", rows);
    const ProgramResult trained = run_program(
        {"train", config, "--out", run, "--set", "data.classes=['class-2', 'class-0', 'class-1']"});
    EXPECT_EQ(trained.code, 0) << trained.err;
  }
  json eval(const std::string& test, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"eval", config,  "--model",
                                          run,    "--set", "data.test=\"" + folder.path(test) + "\""};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out);
  }
  TemporaryFolder folder;
  const std::string rows = clusters_csv(45, 2);
  std::string config =
      folder.write("task.toml",
                   "[data]\ntrain = \"train.csv\"\ntest = \"test.csv\"\nstandardize = true\n[model]\n"
                   "from = \"mlp\"\nhidden = [8]\n[train]\nepochs = 10\nlr = 0.03\n");
  std::string run = folder.path("run");
};

TEST_F(CliEval, LabelsAreThoseOfTheirNamesWhateverTheirOrder) {
  const json in_order = eval("test.csv", {"--set", "data.classes=['class-2', 'class-0', 'class-1']"});
  EXPECT_GT(in_order["accuracy"].get<double>(), 0.6) << "or an order by place would not show";
  for (const char* classes : {"['class-0', 'class-1', 'class-2']", "['class-1', 'class-0', 'class-2']"}) {
    const json metrics = eval("test.csv", {"--set", std::string("data.classes=") + classes});
    EXPECT_EQ(metrics["accuracy"], in_order["accuracy"]) << classes;
    EXPECT_EQ(metrics["loss"], in_order["loss"]) << classes;
  }
  EXPECT_EQ(eval("test.csv")["accuracy"], in_order["accuracy"]) << "in the order that the file gives";
}

TEST_F(CliEval, ColumnsAreThoseOfTheirNamesWhateverTheirOrder) {
  std::istringstream csv(rows);
  std::string turned;
  for (std::string line; std::getline(csv, line);) {
    const std::size_t first = line.find(','), second = line.find(',', first + 1),
                      third = line.find(',', second + 1);
    turned += line.substr(second + 1, third - second) + line.substr(0, first) + line.substr(third) +
              line.substr(first, second - first) + '\n';
  }
  folder.write("turned.csv", turned);  // c, a, label, b
  const json metrics = eval("turned.csv"), as_it_was = eval("test.csv");
  EXPECT_EQ(metrics["accuracy"], as_it_was["accuracy"]);
  EXPECT_EQ(metrics["loss"], as_it_was["loss"]);
}

// Inputs are standardised as the run's were.
TEST_F(CliEval, MetricsAreTheRunsOwn) {
  const json own = json::parse(file_text(run + "/run.json"))["test"];
  const json metrics = eval("test.csv");
  EXPECT_EQ(metrics["loss"], own["loss"]);
  EXPECT_EQ(metrics["accuracy"], own["accuracy"]);
}

TEST_F(CliEval, EachLookAtTheRunsTestDataCounts) {
  for (const int looks : {2, 3}) {
    const json metrics = eval("test.csv");
    EXPECT_EQ(metrics["test_evaluations"], looks) << "the first was the run's own";
    EXPECT_EQ(metrics["exploratory"], true);
  }
  folder.write("other.csv", clusters_csv(45, 3));
  EXPECT_FALSE(eval("other.csv").contains("test_evaluations")) << "those are other data";
}

}  // namespace
}  // namespace thaw::test
