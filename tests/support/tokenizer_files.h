// What the tests of tokenizers share: a folder of its own for each test, and the golden tokenizers.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "finetune/preprocess/tokenizer/tokenizer.h"
#include "nn/io/json_file.h"
#include "tests/support/files.h"

namespace thaw::test {

class TokenizerFiles : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& content) const { folder_.write(name, content); }

  void remove(const std::string& name) const { std::filesystem::remove(folder_.path(name)); }

  std::shared_ptr<const Tokenizer> load() const { return load_tokenizer(folder_.path()); }

  std::shared_ptr<const Tokenizer> load(const nlohmann::json& tokenizer) const {
    write("tokenizer.json", tokenizer.dump());
    return load();
  }

  // tests/golden/tokenizers.json: what it has is said in make_tokenizer_golden.py.
  static const nlohmann::json& golden() {
    static const nlohmann::json file =
        read_json(std::string(THAW_SOURCE_DIR) + "/tests/golden/tokenizers.json");
    return file.at("tokenizers");
  }

  TemporaryFolder folder_;
};

}  // namespace thaw::test
