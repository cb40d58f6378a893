#include "tests/support/resume.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>

#include "tests/support/files.h"
#include "tests/support/program.h"

namespace thaw::test {

const char* const kChangingRun = R"(
[model]
hidden = [64, 64]
dropout = 0.1
[data]
train = "builtin:digits"
[train]
epochs = 40
batch_size = 16
checkpoint_every = "5 steps"
restore_best = true
[strategy]
name = "plan"
[[strategy.phase]]
train = "head"
[[strategy.phase]]
at = "epoch 10"
train = "top:1"
state = "drop"
[[strategy.phase]]
at = "fraction 0.6"
train = "all"
lr_mult = { "layers.0" = 0.1 }
rewarmup = 20
)";

std::int64_t newest_checkpoint(const std::string& run) {
  std::int64_t newest = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(run + "/checkpoints", none)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".safetensors"))
      newest = std::max<std::int64_t>(newest, std::stoll(name.substr(5)));
  }
  return newest;
}

void expect_resumed(const ProgramResult& result, std::int64_t step) {
  const bool was_done = result.err.find("has come to its end: nothing to do") != std::string::npos;
  if (step == 0 || was_done) return;
  const std::string words = "resumed after ";
  const std::size_t found = result.err.find(words);
  ASSERT_NE(found, std::string::npos) << "from step " << step << ": " << result.err;
  EXPECT_GE(std::stoll(result.err.substr(found + words.size())), step) << result.err;
}

void expect_same_files(const std::string& one, const std::string& other) {
  for (const char* name : {"/model.safetensors", "/adapter/adapter_model.safetensors"}) {
    ASSERT_EQ(std::filesystem::exists(one + name), std::filesystem::exists(other + name)) << name;
    ASSERT_EQ(file_text(one + name), file_text(other + name)) << name;
  }
}

void expect_same_bits_after_kills(const std::string& config, int kills, std::uint64_t seed) {
  const TemporaryFolder folder;
  const std::string whole = folder.path("whole"), killed = folder.path("killed");
  const auto start = std::chrono::steady_clock::now();
  const ProgramResult uninterrupted = run_program({"train", config, "--out", whole});
  ASSERT_EQ(uninterrupted.code, 0) << uninterrupted.err;
  const auto length =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);

  std::mt19937_64 random(seed);
  int killed_runs = 0;
  for (int tries = 0; killed_runs < kills; ++tries) {
    ASSERT_LT(tries, 10 * kills) << "runs end before they are killed";
    const std::chrono::milliseconds delay(random() % (static_cast<std::uint64_t>(length.count()) / 3 + 20));
    const std::int64_t step = newest_checkpoint(killed);
    const ProgramResult result =
        run_program_and_signal({"train", config, "--out", killed, "--resume"}, delay, SIGKILL);
    if (result.code == 0) expect_resumed(result, step);
    ASSERT_TRUE(result.code == -SIGKILL || result.code == 0) << result.err;
    if (result.code == -SIGKILL) ++killed_runs;
    if (result.code != 0) continue;
    // It came to its end before the kill: the next one begins anew.
    expect_same_files(whole, killed);
    std::filesystem::remove_all(killed);
  }
  const std::int64_t step = newest_checkpoint(killed);
  const ProgramResult last = run_program({"train", config, "--out", killed, "--resume"});
  ASSERT_EQ(last.code, 0) << last.err;
  expect_resumed(last, step);
  expect_same_files(whole, killed);
}

}  // namespace thaw::test
