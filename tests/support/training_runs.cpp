#include "tests/support/training_runs.h"

#include <algorithm>
#include <cmath>

#include "tests/support/files.h"

namespace thaw::test {
namespace {

using nlohmann::json;

// PyTorch adds in another order; what that makes in eleven updates is less.
constexpr double kTolerance = 5e-7;

std::string golden_file(const std::string& name) {
  return std::string(THAW_SOURCE_DIR "/tests/golden/") + name;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

void expect_close(const std::vector<double>& got, const json& expected, double tolerance,
                  const std::string& what) {
  EXPECT_LE(largest_difference(got, expected.get<std::vector<double>>()), tolerance)
      << what << ": " << json(got) << "\nexpected " << expected;
}

}  // namespace

const json& training_runs() {
  static const json file = json::parse(file_text(golden_file("training_runs.json")));
  return file;
}

void expect_equals_pytorch(const json& golden) {
  SCOPED_TRACE(golden.at("set").dump());
  const TemporaryFolder folder = TemporaryFolder::in_memory();
  std::string text;
  for (const json& setting : training_runs().at("common")) text += setting.get<std::string>() + "\n";
  const ConfigRun run = train(folder, text,
                              golden.at("set").get<Settings>() +
                                  Settings{"data.train=" + golden_file("task.csv"),
                                           "model.init=" + golden_file("training_runs_start.safetensors")});
  ASSERT_EQ(run.error, "");
  expect_close(run.rates(), golden.at("rates"), 1e-8, "learning rates");
  expect_close(run.losses(), golden.at("losses"), kTolerance, "losses");
  ASSERT_EQ(run.weights.size(), golden.at("weights").size());
  for (const auto& [name, values] : run.weights)
    expect_close(values, golden.at("weights").at(name), kTolerance, name);
}

double difference(const json& one, const json& other) {
  const auto of = [](const json& run, const char* key) { return run.at(key).get<std::vector<double>>(); };
  double largest = largest_difference(of(one, "losses"), of(other, "losses"));
  for (const auto& [name, values] : one.at("weights").items())
    largest = std::max(largest, largest_difference(values.get<std::vector<double>>(),
                                                   of(other.at("weights"), name.c_str())));
  return largest;
}

}  // namespace thaw::test
