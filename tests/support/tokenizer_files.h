// What the tests of tokenizers share: a folder of its own for each test, and the golden tokenizers.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "finetune/preprocess/tokenizer/tokenizer.h"
#include "nn/io/json_file.h"

namespace thaw {

class TokenizerFiles : public testing::Test {
 protected:
  TokenizerFiles() {
    std::string folder = (std::filesystem::temp_directory_path() / "thaw-tokenizer-XXXXXX").string();
    if (!mkdtemp(folder.data())) ADD_FAILURE() << "no temporary folder";
    folder_ = folder;
  }
  ~TokenizerFiles() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }

  void remove(const std::string& name) const { std::filesystem::remove(folder_ / name); }

  std::shared_ptr<const Tokenizer> load() const { return load_tokenizer(folder_.string()); }

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

  std::filesystem::path folder_;
};

}  // namespace thaw
