// `thaw train --trace`: one update on a time line.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;

constexpr const char* kConfig = R"(
[model]
hidden = [16]
[data]
train = "builtin:digits"
samples_per_class = 10
[train]
epochs = 2
)";

struct CliTrace : ::testing::Test {
  TemporaryFolder folder;
  std::string config = folder.write("digits.toml", kConfig);
  std::string run = folder.path("run");
  std::string trace = folder.path("trace.json");
  ProgramResult train(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"train", config, "--out", run, "--trace", trace};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  // Events that have a length; the first is the update's.
  std::vector<json> traced(const std::vector<std::string>& more) {
    const ProgramResult result = train(more);
    EXPECT_EQ(result.code, 0) << result.err;
    std::vector<json> events;
    const json file = json::parse(file_text(trace));
    for (const json& event : file["traceEvents"])
      if (event["ph"] == "X") events.push_back(event);
    EXPECT_GT(events.size(), 1u);
    return events;
  }
};

TEST_F(CliTrace, KernelsLieInTheUpdateOneAfterTheOther) {
  const std::vector<json> events = traced({"--strategy", "full"});
  EXPECT_EQ(events[0]["name"], "update 3");
  double free_from = 0;
  for (std::size_t i = 1; i < events.size(); ++i) {
    const double ts = events[i]["ts"], dur = events[i]["dur"];
    EXPECT_GE(dur, 0);
    EXPECT_GE(ts, free_from - 0.002) << events[i];  // times are rounded to 0.001
    free_from = ts + dur;
  }
  EXPECT_EQ(events[0]["ts"], 0);
  EXPECT_LE(free_from, events[0]["dur"].get<double>() + 0.002);
}

TEST_F(CliTrace, EachSectionHasItsNamedRow) {
  std::map<std::string, std::set<int>> rows;
  for (const json& event : traced({"--strategy", "full"})) rows[event["cat"]].insert(event["tid"].get<int>());
  std::map<int, std::string> names;
  const json file = json::parse(file_text(trace));
  for (const json& event : file["traceEvents"])
    if (event["name"] == "thread_name") names[event["tid"]] = event["args"]["name"];
  for (const char* section : {"update", "forward", "input_gradient", "weight_gradient", "optimizer"}) {
    ASSERT_EQ(rows[section].size(), 1u) << section;
    EXPECT_EQ(names[*rows[section].begin()], section);
  }
  EXPECT_EQ(rows.size(), 5u);
}

// The trace and the ledger look at the same update: they must say the same of it.
TEST_F(CliTrace, AddsUpToTheLedgersMeasurement) {
  std::map<std::string, double> flops;
  for (const json& event : traced({"--strategy", "full"})) {
    if (event["cat"] == "update") continue;
    flops[event["cat"]] += event["args"]["flops"].get<double>();
    EXPECT_GT(event["args"]["bytes"], 0) << event;
  }
  const json ledger = json::parse(file_text(run + "/ledger.json"));
  const json measured = ledger["phases"][0]["measured"]["flops"];
  EXPECT_EQ(measured.size(), flops.size());
  for (const auto& [section, sum] : flops) EXPECT_DOUBLE_EQ(measured[section], sum) << section;
}

TEST_F(CliTrace, FrozenLayersHaveNoGradients) {
  std::set<std::string> forward, weights, stepped;
  for (const json& event : traced({"--strategy", "head"})) {
    if (event["cat"] == "update") continue;
    const std::string module = event["args"]["module"];
    if (event["cat"] == "forward") forward.insert(module);
    if (event["cat"] == "weight_gradient") weights.insert(module);
    if (event["cat"] == "optimizer") stepped.insert(module);
    EXPECT_TRUE(event["cat"] == "forward" || !module.starts_with("layers.")) << event;
  }
  EXPECT_TRUE(forward.contains("layers.0"));
  EXPECT_TRUE(weights.contains("head"));
  EXPECT_TRUE(stepped.contains("head.weight"));
}

TEST_F(CliTrace, SaysWhenThereIsNone) {
  const ProgramResult result = train({"--set", "train.epochs=0"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("no update was traced"), std::string::npos) << result.err;
  EXPECT_FALSE(std::filesystem::exists(trace));
}

TEST_F(CliTrace, DoesNotChangeTheRun) {
  traced({});
  const std::string weights = file_text(run + "/model.safetensors");
  run = folder.path("untraced");
  ASSERT_EQ(run_program({"train", config, "--out", run}).code, 0);
  EXPECT_EQ(file_text(run + "/model.safetensors"), weights);
}

}  // namespace
}  // namespace thaw::test
