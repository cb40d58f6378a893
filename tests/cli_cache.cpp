// The prefix cache as a user meets it: runs that share what frozen layers give, `thaw cache`, and a cache folder to which
// something happens.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/text_model.h"

namespace thaw::test {
namespace {

namespace fs = std::filesystem;

struct CliCache : ::testing::Test {
  CliCache() {
    write_text_model(folder.path("model"));
    folder.write("s.csv", sentences_csv(60, 1));
    config = folder.write(
        "task.toml",
        "[model]\nfrom = \"model\"\n[data]\ntrain = \"s.csv\"\n[train]\nepochs = 6\nbatch_size = 8\n"
        "lr = 0.01\n[strategy]\nname = \"head\"\nfrozen_dropout = \"off\"\n");
    without = weights(run("without", {"--set", "train.cache=off"}));
  }
  ProgramResult run(const std::string& out, const std::vector<std::string>& more = {}) {
    last = folder.path(out);
    std::vector<std::string> arguments{"train", config, "--out", last};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return program(arguments);
  }
  ProgramResult program(const std::vector<std::string>& arguments) const {
    return run_program_in({"THAW_CACHE=" + cache}, arguments);
  }
  std::string weights(const ProgramResult& result) const {
    EXPECT_EQ(result.code, 0) << result.err;
    return file_text(last + "/model.safetensors");
  }
  std::vector<std::string> files() const {
    std::vector<std::string> found;
    if (fs::is_directory(cache))
      for (const auto& entry : fs::recursive_directory_iterator(cache))
        if (entry.is_regular_file()) found.push_back(entry.path().string());
    return found;
  }
  nlohmann::json phase() const {
    return nlohmann::json::parse(file_text(last + "/ledger.json")).at("phases").at(0).at("prefix");
  }

  TemporaryFolder folder;
  std::string config, cache = folder.path("cache"), last, without;
};

TEST_F(CliCache, ItsFolderMayBeRelativeAndNotThereYet) {
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const ProgramResult result = run_program_in({"THAW_CACHE=kept"}, {"train", config, "--out", "relative"});
  fs::current_path(before);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err.find("too little"), std::string::npos) << result.err;
  EXPECT_TRUE(fs::is_directory(folder.path("kept")));
}

TEST_F(CliCache, ALaterRunTakesWhatAnEarlierOneLeft) {
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(weights(run("first")), without);
  EXPECT_EQ(phase().at("up_to"), "pooling");
  EXPECT_FALSE(files().empty());
  const std::vector<std::string> before = files();
  EXPECT_EQ(weights(run("second")), without);
  EXPECT_EQ(weights(run("other", {"--strategy", "top-1"})), [&] {
    return weights(run("other-without", {"--strategy", "top-1", "--set", "train.cache=off"}));
  }());
  EXPECT_EQ(weights(run("second-again")), without);
}

TEST_F(CliCache, IsListedAndCleared) {
  run("first");
  const ProgramResult list = program({"cache", "list"});
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_NE(list.out.find("pooling"), std::string::npos) << list.out;
  const auto json = nlohmann::json::parse(program({"cache", "--json"}).out);
  EXPECT_EQ(json.at("prefixes").size(), files().size());
  const std::int64_t samples = json.at("prefixes").at(0).at("samples");
  EXPECT_GT(samples, 50) << "training and validation";
  EXPECT_LE(samples, 60) << "sentences that are the same have one entry";
  EXPECT_EQ(program({"cache", "clear"}).code, 0);
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(weights(run("second")), without);
  const ProgramResult wrong = program({"cache", "empty"});
  EXPECT_EQ(wrong.code, 2);
  expect_worded(wrong.err);
}

TEST_F(CliCache, DamagedFilesAreSaidAndComputedAgain) {
  run("first");
  for (const std::string& file : files()) {
    std::string bytes = file_text(file);
    bytes[bytes.size() - 5] ^= 1;
    std::ofstream(file, std::ios::binary) << bytes;
  }
  const ProgramResult second = run("second");
  EXPECT_EQ(weights(second), without);
  EXPECT_NE(second.err.find("damaged"), std::string::npos) << second.err;
  const ProgramResult third = run("third");
  EXPECT_EQ(weights(third), without);
  EXPECT_EQ(third.err.find("damaged"), std::string::npos) << third.err;
  for (const std::string& file : files()) fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_EQ(weights(run("fourth")), without);
}

TEST_F(CliCache, AFolderThatCannotBeUsedIsSaid) {
  folder.write("cache", "no folder");
  const ProgramResult result = run("first");
  EXPECT_EQ(weights(result), without);
  EXPECT_NE(result.err.find("in memory alone"), std::string::npos) << result.err;
}

// What a kill in the middle of writing leaves.
TEST_F(CliCache, HalfAFileIsPassedOver) {
  run("first");
  for (const std::string& file : files()) {
    const std::string bytes = file_text(file);
    std::ofstream(file + ".tmp-1-0", std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  }
  const ProgramResult second = run("second");
  EXPECT_EQ(weights(second), without);
  EXPECT_EQ(second.err.find("damaged"), std::string::npos) << second.err;
  program({"cache", "clear"});
  EXPECT_TRUE(files().empty());
}

TEST_F(CliCache, AFullDiskIsSaidAndNothingLost) {
  const std::vector<std::string> full = {"LD_PRELOAD=" THAW_PRELOAD "/fail_writes.so",
                                         "ASAN_OPTIONS=verify_asan_link_order=0", "FAIL_AS=enospc",
                                         "FAIL_PATH=.prefix", "THAW_CACHE=" + cache};
  last = folder.path("full");
  const ProgramResult result = run_program_in(full, {"train", config, "--out", last});
  EXPECT_EQ(weights(result), without);
  EXPECT_NE(result.err.find("in memory alone"), std::string::npos) << result.err;
  EXPECT_TRUE(files().empty());
}

}  // namespace
}  // namespace thaw::test
