#include "tests/support/config_table.h"

#include <gtest/gtest.h>

#include "tests/support/files.h"
#include "tests/support/training_runs.h"

namespace thaw::test {
namespace {

void write_files(const TemporaryFolder& folder, const Setup& setup) {
  for (const auto& [name, content] : setup.files) folder.write(name, content);
  if (setup.prepare) setup.prepare(folder);
}

Settings setting_of(const std::string& key, const std::string& value) {
  return value.empty() ? Settings{} : Settings{key + "=" + value};
}

void check_train_row(const std::string& key, const std::vector<std::string>& values, const Setup& setup,
                     const Settings& with, const CheckRuns& check) {
  const TemporaryFolder folder = TemporaryFolder::in_memory();
  write_files(folder, setup);
  int runs = 0;
  const Again again = [&](const Settings& settings) {
    return train(folder, setup.text, with + settings, "run-" + std::to_string(runs++));
  };
  std::vector<ConfigRun> by_value;
  for (const std::string& value : values) by_value.push_back(again(setting_of(key, value)));
  check(by_value, again);
}

void check_compare_row(const std::string& key, const std::vector<std::string>& values, const Setup& setup,
                       const Settings& with, const CheckComparisons& check) {
  std::vector<ConfigComparison> by_value;
  for (const std::string& value : values) {
    // A folder of its own for each: they would be looks at the same test data.
    const TemporaryFolder folder = TemporaryFolder::in_memory();
    write_files(folder, setup);
    by_value.push_back(compare(folder, setup.text, with + setting_of(key, value)));
  }
  check(by_value);
}

void check_golden_row(const std::string& key) {
  const nlohmann::json& runs = training_runs().at("keys").at(key);
  for (const nlohmann::json& run : runs) expect_equals_pytorch(run);
  for (std::size_t i = 0; i < runs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_GT(difference(runs[i], runs[j]), 1e-4) << runs[i].at("set") << " shows nothing";
}

}  // namespace

KeyRow golden_row(const std::string& key) {
  return {key, [key] { check_golden_row(key); }};
}

KeyRow train_row(const std::string& key, const std::vector<std::string>& values, const Setup& setup,
                 const Settings& with, const CheckRuns& check) {
  return {key, [=] { check_train_row(key, values, setup, with, check); }};
}

KeyRow compare_row(const std::string& key, const std::vector<std::string>& values, const Setup& setup,
                   const Settings& with, const CheckComparisons& check) {
  return {key, [=] { check_compare_row(key, values, setup, with, check); }};
}

Setup small_table() {
  return {
      "[data]\ntrain = \"t.csv\"\n[model]\nhidden = [4]\n"
      "[train]\nepochs = 1\nbatch_size = 8\ncheckpoint_every = \"never\"\n",
      {{"t.csv", clusters_csv(40, 1)}}};
}

}  // namespace thaw::test
