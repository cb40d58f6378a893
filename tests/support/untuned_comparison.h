// A fixture: `thaw compare` of an mlp on a small table, nothing tuned.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/program.h"

namespace thaw::test {

struct UntunedComparison : ::testing::Test {
  ProgramResult untuned(int seeds, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {
        "compare", config, "--out", run, "--no-tune", "--seeds", std::to_string(seeds)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  nlohmann::json results() const { return nlohmann::json::parse(file_text(run + "/results.json")); }

  TemporaryFolder folder;
  std::string table = folder.write("t.csv", clusters_csv(90, 1));
  std::string config = folder.write("task.toml", "[data]\ntrain = \"t.csv\"\n[model]\nfrom = \"mlp\"\n");
  std::string run = folder.path("run");
};

}  // namespace thaw::test
