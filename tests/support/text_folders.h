// What the tests of a text model's folder share: a small one, sentences, and a config that trains it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nn/io/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/text_model.h"

namespace thaw::test {

struct TextFolders : ::testing::Test {
  TextFolders() { write_text_model(model); }

  ProgramResult train(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"train", config, "--out", run});
    return run_program(more);
  }
  ProgramResult embed(const std::string& path) const {
    return run_program({"embed", "--model", path, "--input", texts});
  }
  void expect_refused(const ProgramResult& result, const std::vector<std::string>& parts) const {
    EXPECT_EQ(result.code, 2) << result.err;
    for (const std::string& part : parts) expect_has(result.err, part);
  }
  // Changes config.json of the folder at `path`.
  void configure(const std::string& path, const nlohmann::json& changes) const {
    nlohmann::json all = nlohmann::json::parse(file_text(path + "/config.json"));
    all.update(changes);
    folder.write(std::filesystem::relative(path + "/config.json", folder.path()), all.dump());
  }
  // The weights of the model whose names have no `part`.
  NamedTensors weights_without(const std::string& part) const { return weights_without(part, model); }
  static NamedTensors weights_without(const std::string& part, const std::string& of) {
    const SafetensorsFile file(of + "/model.safetensors");
    NamedTensors kept;
    for (const SafetensorsEntry& entry : file.entries())
      if (entry.name.find(part) == std::string::npos) kept.emplace_back(entry.name, file.load(entry.name));
    return kept;
  }

  TemporaryFolder folder;
  std::string model = folder.path("model"), run = folder.path("run");
  std::string data = folder.write("s.csv", sentences_csv(60, 1));
  std::string texts = folder.write("new.txt", "the film was good .\n");
  std::string config =
      folder.write("task.toml",
                   "[model]\nfrom = \"model\"\n[data]\ntrain = \"s.csv\"\n[train]\nlr = 3e-3\n"
                   "epochs = 1\nbatch_size = 8\ncheckpoint_every = \"never\"\n");
};

}  // namespace thaw::test
