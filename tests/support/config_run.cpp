#include "tests/support/config_run.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "core/error.h"
#include "finetune/run/run.h"
#include "nn/io/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/from_config.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json json_of(const std::string& path) { return fs::exists(path) ? json::parse(file_text(path)) : json(); }

void read_lines(const std::string& path, ConfigRun& run) {
  std::istringstream lines(file_text(path));
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line);
    (entry.contains("split") ? run.evaluations : run.updates).push_back(entry);
  }
}

Weights weights_of(const std::string& path) {
  Weights weights;
  if (!fs::exists(path)) return weights;
  const SafetensorsFile file(path);
  for (const SafetensorsEntry& entry : file.entries())
    weights[entry.name] = file.load(entry.name).to_vector();
  return weights;
}

std::vector<double> values_of_lines(const std::vector<json>& lines, const char* key) {
  std::vector<double> values;
  for (const json& line : lines) values.push_back(line.at(key).is_null() ? NAN : line.at(key).get<double>());
  return values;
}

}  // namespace

Settings operator+(Settings first, const Settings& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

bool ConfigRun::said(const std::string& part) const {
  return std::any_of(messages.begin(), messages.end(),
                     [&](const std::string& message) { return message.find(part) != std::string::npos; });
}

std::vector<double> ConfigRun::losses() const { return values_of_lines(updates, "loss"); }
std::vector<double> ConfigRun::rates() const { return values_of_lines(updates, "lr"); }

double ConfigRun::validation(const std::string& metric) const {
  return report.at("validation").at(metric).get<double>();
}

std::int64_t ConfigRun::samples_in(const std::string& part) const {
  for (const std::string& message : messages)
    if (message.starts_with(part + ": ")) return std::stoll(message.substr(part.size() + 2));
  return 0;
}

std::vector<std::string> ConfigRun::files_in(const std::string& name) const {
  std::vector<std::string> names;
  if (fs::exists(folder + "/" + name))
    for (const fs::directory_entry& entry : fs::directory_iterator(folder + "/" + name))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// In this process: starting another for each of the many runs of these tests would take longer than they do.
ConfigRun train(const TemporaryFolder& folder, const std::string& text, const Settings& settings,
                const std::string& name) {
  ConfigRun run;
  run.folder = folder.path(name);
  Trainer::Hooks hooks;
  hooks.message = [&](const std::string& message) { run.messages.push_back(message); };
  try {
    const Config config = load_config(folder.write(name + ".toml", text), settings);
    run.messages = config.notes;
    train(config, run.folder, hooks);
  } catch (const InputError& error) {
    run.error = error.what();
    return run;
  }
  run.report = json_of(run.folder + "/run.json");
  run.preprocess = json_of(run.folder + "/preprocess.json");
  run.model = json_of(run.folder + "/config.json");
  run.weights = weights_of(run.folder + "/model.safetensors");
  read_lines(run.folder + "/metrics.jsonl", run);
  return run;
}

ConfigComparison compare(const TemporaryFolder& folder, const std::string& text, const Settings& settings,
                         const std::string& name) {
  ConfigComparison comparison;
  comparison.out = folder.path(name);
  std::vector<std::string> arguments = {"compare", folder.write(name + ".toml", text), "--out",
                                        comparison.out};
  for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
  const ProgramResult result = run_program(arguments);
  if (result.code != 0) {
    comparison.error = result.err;
    return comparison;
  }
  comparison.messages = result.err + result.out;
  comparison.results = json_of(comparison.out + "/results.json");
  comparison.rows = read_csv(comparison.out + "/results.csv");
  if (fs::exists(comparison.out + "/tuning.csv"))
    comparison.trials = read_csv(comparison.out + "/tuning.csv");
  return comparison;
}

}  // namespace thaw::test
