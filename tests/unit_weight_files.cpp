// Weights in one file or in shards with an index: what is read, and what of an index is refused.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/ops.h"
#include "nn/io/weight_files.h"
#include "tests/support/files.h"

namespace thaw::test {
namespace {

using std::string_literals::operator""s;

using nlohmann::json;

// Two shards: "a" of 8 bytes and "b" of 12 in the first, "c" of 4 in the second.
struct Shards : ::testing::Test {
  Shards() {
    save_safetensors(folder.path("one.safetensors"), {{"a", ones({2})}, {"b", ones({3})}});
    save_safetensors(folder.path("two.safetensors"), {{"c", ones({1})}});
    index["metadata"]["total_size"] = 24;
    index["weight_map"] = {{"a", "one.safetensors"}, {"b", "one.safetensors"}, {"c", "two.safetensors"}};
  }
  std::string error() const { return error_of(index.dump()); }
  std::string error_of(const std::string& text) const {
    folder.write(kWeightsIndexName, text);
    try {
      const WeightFiles files(folder.path());
      return "";
    } catch (const InputError& problem) {
      EXPECT_NE(std::string(problem.what()).find(folder.path()), std::string::npos) << problem.what();
      return problem.what();
    }
  }
  void expect_refused(const std::string& part) const {
    const std::string message = error();
    EXPECT_NE(message.find(part), std::string::npos) << "'" << message << "' lacks '" << part << "'";
  }

  TemporaryFolder folder;
  json index;
};

TEST_F(Shards, AreReadByTheirIndex) {
  EXPECT_EQ(error(), "");
  const WeightFiles files(folder.path());
  EXPECT_EQ(files.files().size(), 2u);
  EXPECT_EQ(files.bytes(), 24);
  EXPECT_EQ(WeightFiles(folder.path("one.safetensors")).bytes(), 20) << "a file alone";
}

TEST_F(Shards, OneFileComesBeforeAnIndex) {
  EXPECT_EQ(error(), "");
  save_safetensors(folder.path(kWeightsName), {{"d", ones({5})}});
  EXPECT_EQ(WeightFiles(folder.path()).bytes(), 20);
}

TEST_F(Shards, TheTotalMayBeLeftOut) {
  index.erase("metadata");
  EXPECT_EQ(error(), "");
}

TEST_F(Shards, AWrongTotalIsRefused) {
  index["metadata"]["total_size"] = 28;
  expect_refused("28 bytes, they have 24");
  index["metadata"]["total_size"] = "24";
  EXPECT_NE(error(), "");
  index["metadata"]["total_size"] = -1;
  EXPECT_NE(error(), "");
}

TEST_F(Shards, AFileOutsideTheFolderIsRefused) {
  for (const char* name : {"../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", ".", ""}) {
    index["weight_map"]["a"] = name;
    expect_refused("which is not in its folder");
  }
  index["weight_map"]["a"] = "one.safetensors\0x"s;
  expect_refused("which is not in its folder");
  index["weight_map"]["a"] = 3;
  expect_refused("which is not in its folder");
}

TEST_F(Shards, ATensorInTheWrongPlaceIsRefused) {
  index["weight_map"]["a"] = "two.safetensors";
  expect_refused("the index has it in two.safetensors");
}

TEST_F(Shards, ATensorThatIsNotListedIsRefused) {
  index["weight_map"].erase("b");
  expect_refused("the index does not list it");
}

TEST_F(Shards, AListedTensorThatIsNotThereIsRefused) {
  index["weight_map"]["e"] = "two.safetensors";
  expect_refused("which has no such tensor");
}

TEST_F(Shards, ATensorInTwoFilesIsRefused) {
  save_safetensors(folder.path("two.safetensors"), {{"a", ones({2})}, {"c", ones({1})}});
  EXPECT_NE(error(), "");
}

TEST_F(Shards, AFileThatIsMissingIsRefused) {
  index["weight_map"]["c"] = "three.safetensors";
  expect_refused("three.safetensors");
}

TEST_F(Shards, WhatIsNoIndexIsRefused) {
  for (const char* text : {"", "{", "[]", "{}", "null", "{\"weight_map\": []}", "{\"weight_map\": {}}",
                           "{\"weight_map\": {\"a\": \"one.safetensors\", \"a\": \"two.safetensors\"}}"})
    EXPECT_NE(error_of(text), "") << text;
}

}  // namespace
}  // namespace thaw::test
