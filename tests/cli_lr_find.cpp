// `thaw lr-find`, as a user runs it.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

struct CliLrFind : ::testing::Test {
  TemporaryFolder folder;
  std::string out = folder.path("sweep");
  std::string config = folder.write("digits.toml",
                                    "[model]\nhidden = [16]\ndropout = 0.1\n[data]\ntrain = "
                                    "\"builtin:digits\"\n[train]\nbatch_size = 16\n");

  ProgramResult find(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"lr-find", config, "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  std::vector<CsvRow> points() const { return read_csv(out + "/lr_find.csv"); }
};

TEST_F(CliLrFind, GivesPointsAPictureAndASuggestion) {
  const ProgramResult result = find({"--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json summary = json::parse(result.out);
  const double rate = summary["suggestion"];
  EXPECT_GT(rate, 1e-5) << "of use for digits";
  EXPECT_LT(rate, 1);
  EXPECT_LT(rate, summary["least"]["lr"]);
  EXPECT_FALSE(summary["reason"].get<std::string>().empty());
  EXPECT_EQ(summary["trainable"], 64 * 16 + 16 + 16 * 10 + 10);
  EXPECT_EQ(summary["groups"], (json{"layers.0", "head"}));
  const std::vector<CsvRow> rows = points();
  ASSERT_EQ(rows.size(), summary["points"].size());
  EXPECT_EQ(rows.front().at("lr"), "1e-07");
  for (std::size_t i = 1; i < rows.size(); ++i)
    EXPECT_NEAR(std::stod(rows[i].at("lr")) / std::stod(rows[i - 1].at("lr")), std::pow(1e8, 1.0 / 99), 1e-9);
  const std::string page = file_text(out + "/lr_find.html");
  for (const char* part :
       {"<svg", "a quarter of the fall (suggested)", "steepest descent", "least loss", "Suggested rate"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_EQ(page.find("http:"), page.find("http://www.w3.org/2000/svg")) << "it needs nothing else";
  EXPECT_FALSE(std::filesystem::exists(out + "/model.safetensors"));
}

// At rates that are all but equal it is a run: the same samples, order, dropout, weights and steps.
TEST_F(CliLrFind, TrainsAsARunDoes) {
  const std::string weights = R"(train.class_weight={ "0" = 8.0, "3" = 0.5 })";
  for (const char* strategy : {"full", "head", "gradual", "l2-sp"}) {
    out = folder.path(std::string("sweep-") + strategy);
    const std::string run = folder.path(std::string("run-") + strategy);
    ASSERT_EQ(find({"--strategy", strategy, "--low", "0.01", "--high", "0.010000001", "--updates", "20",
                    "--set", weights})
                  .code,
              0);
    ASSERT_EQ(run_program({"train", config, "--strategy", strategy, "--out", run, "--set", "train.steps=20",
                           "--set", "train.lr=0.01", "--set", "train.schedule=constant", "--set", weights})
                  .code,
              0);
    std::istringstream metrics(file_text(run + "/metrics.jsonl"));
    std::vector<double> losses;
    for (std::string line; std::getline(metrics, line);)
      if (const json values = json::parse(line); !values.contains("split")) losses.push_back(values["loss"]);
    const std::vector<CsvRow> rows = points();
    ASSERT_EQ(rows.size(), 20u);
    ASSERT_EQ(losses.size(), 20u);
    for (std::size_t i = 0; i < 20; ++i)
      EXPECT_NEAR(std::stod(rows[i].at("loss")), losses[i], 1e-5) << strategy << ", update " << i + 1;
    EXPECT_LT(losses.back(), losses.front());
  }
}

TEST_F(CliLrFind, ThreadsDoNotChangeBits) {
  ASSERT_EQ(find({"--threads", "1"}).code, 0);
  const std::string one = file_text(out + "/lr_find.csv");
  out = folder.path("two");
  ASSERT_EQ(find({"--threads", "2"}).code, 0);
  EXPECT_EQ(file_text(out + "/lr_find.csv"), one);
}

TEST_F(CliLrFind, SaysWhatAPlanOfPhasesTrainsFirst) {
  const ProgramResult result = find({"--strategy", "gradual"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find(
                "Strategy gradual: the sweep trains what the first of its 2 phases trains, head (170 of 1210 "
                "parameters)"),
            std::string::npos)
      << result.out;
}

TEST_F(CliLrFind, DivergingEndsTheSweepAndNotTheProgram) {
  const ProgramResult result =
      find({"--json", "--high", "1e30", "--set", "train.optimizer=sgd", "--updates", "40"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json summary = json::parse(result.out);
  EXPECT_LT(summary["points"].size(), 40u);
  EXPECT_NE(summary["ended"].get<std::string>().find("loss"), std::string::npos);
  for (const json& point : summary["points"]) EXPECT_TRUE(point["loss"].is_number());
}

TEST_F(CliLrFind, SuggestsNothingWhereTheLossDoesNotFall) {
  const ProgramResult result = find({"--low", "1e-9", "--high", "1e-8"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("No rate is suggested"), std::string::npos) << result.out;
  EXPECT_TRUE(json::parse(run_program({"lr-find", config, "--out", folder.path("again"), "--json", "--low",
                                       "1e-9", "--high", "1e-8"})
                              .out)["suggestion"]
                  .is_null());
}

// What it prints for compare sets the middle of the rates that are tried, or the grid where there is one.
TEST_F(CliLrFind, ComparisonsStartFromIt) {
  const std::vector<std::string> quick = {"--set", "data.samples_per_class=5",    "--set", "train.epochs=1",
                                          "--set", "compare.rates={ full = 0.5 }"};
  for (const bool has_grid : {false, true}) {
    std::vector<std::string> options = quick;
    if (has_grid) options.insert(options.end(), {"--set", "compare.lr_grid=[1, 2]"});
    out = folder.path(has_grid ? "sweep-grid" : "sweep");
    std::vector<std::string> arguments = {"--strategy", "head", "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ProgramResult found = find(arguments);
    ASSERT_EQ(found.code, 0) << found.err;
    const json summary = json::parse(found.out);
    const std::string compared = folder.path(has_grid ? "compared-grid" : "compared");
    arguments = {"compare", config, "--strategies", "full,head", "--seeds", "2",
                 "--tune",  "3",    "--out",        compared};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--set", summary["set"]});
    const ProgramResult result = run_program(arguments);
    ASSERT_EQ(result.code, 0) << result.err;
    std::vector<double> rates;
    for (const CsvRow& row : rows_with(read_csv(compared + "/tuning.csv"), "strategy", "head"))
      rates.push_back(std::stod(row.at("lr")));
    const double wanted = summary["suggestion"];
    for (const double factor : {1 / std::sqrt(10.0), 1.0, std::sqrt(10.0)})
      EXPECT_TRUE(std::any_of(rates.begin(), rates.end(),
                              [&](double rate) { return std::abs(rate / (wanted * factor) - 1) < 0.05; }))
          << wanted * factor << (has_grid ? ", grid" : "");
  }
}

TEST_F(CliLrFind, RefusesWhatItCannotDo) {
  const auto error = [&](const std::vector<std::string>& more) {
    const ProgramResult result = find(more);
    EXPECT_EQ(result.code, 2) << result.err;
    return result.err;
  };
  EXPECT_NE(error({"--low", "1", "--high", "0.1"}).find("--low, --high"), std::string::npos);
  EXPECT_NE(error({"--updates", "3"}).find("--updates"), std::string::npos);
  EXPECT_NE(error({"--set", R"(train.class_weight={ "cat" = 2.0 })"}).find("\"cat\""), std::string::npos);
  ASSERT_EQ(find().code, 0);
  EXPECT_NE(error({}).find("is not empty"), std::string::npos);
}

}  // namespace
}  // namespace thaw::test
