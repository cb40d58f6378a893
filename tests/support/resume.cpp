#include "tests/support/resume.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <random>

#include "tests/support/program.h"

namespace thaw::testing {

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
state = "park"
[[strategy.phase]]
at = "fraction 0.6"
train = "all"
lr_mult = { "layers.0" = 0.1 }
rewarmup = 20
)";

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
    const ProgramResult result =
        run_program_and_signal({"train", config, "--out", killed, "--resume"}, delay, SIGKILL);
    ASSERT_TRUE(result.code == -SIGKILL || result.code == 0) << result.err;
    if (result.code == -SIGKILL) ++killed_runs;
    if (result.code != 0) continue;
    // It came to its end before the kill: the next one begins anew.
    ASSERT_EQ(file_text(whole + "/model.safetensors"), file_text(killed + "/model.safetensors"));
    std::filesystem::remove_all(killed);
  }
  const ProgramResult last = run_program({"train", config, "--out", killed, "--resume"});
  ASSERT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(file_text(whole + "/model.safetensors"), file_text(killed + "/model.safetensors"));
}

}  // namespace thaw::testing
