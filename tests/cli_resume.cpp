// Interrupted runs go on where they were.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/support/files.h"
#include "tests/support/program.h"
#include "tests/support/resume.h"

namespace thaw::test {
namespace {

constexpr const char* kLong =
    "[data]\ntrain = \"builtin:digits\"\n[train]\nsteps = 1000000\ncheckpoint_every = \"never\"\n";

// What grows with the first update.
std::string work_of(const std::string& run) { return run + "/metrics.jsonl"; }

TEST(CliResume, KilledRunsEndWithTheSameBits) {
  const TemporaryFolder folder;
  expect_same_bits_after_kills(folder.write("task.toml", kChangingRun), 5, 1);
}

void expect_interruption(int signal, int code) {
  const TemporaryFolder folder;
  const std::string config = folder.write("long.toml", kLong), run = folder.path("run");
  const ProgramResult result = run_program_and_signal({"train", config, "--out", run}, work_of(run), signal);
  EXPECT_EQ(result.code, code) << result.err;
  EXPECT_NE(result.err.find("--resume"), std::string::npos) << result.err;
  EXPECT_FALSE(std::filesystem::is_empty(run + "/checkpoints"));
  const ProgramResult more =
      run_program_and_signal({"train", config, "--out", run, "--resume"}, work_of(run), signal);
  EXPECT_NE(more.err.find("resumed after"), std::string::npos) << more.err;
  EXPECT_EQ(more.code, code);
  const ProgramResult other =
      run_program({"train", config, "--out", run, "--resume", "--set", "train.lr=0.5"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("this config has `lr = 0.5`"), std::string::npos) << other.err;
}

TEST(CliResume, SigintSavesAndExitsWith130) { expect_interruption(SIGINT, 130); }
TEST(CliResume, SigtermSavesAndExitsWith143) { expect_interruption(SIGTERM, 143); }

// The checkpoint that the first signal asks for hangs on its disk.
TEST(CliResume, ASecondSignalEndsTheProgramAtOnce) {
  const TemporaryFolder folder;
  const std::string config = folder.write("long.toml", kLong), run = folder.path("run"),
                    stuck = folder.path("stuck");
  const ProgramResult result = run_program_and_signal_twice(
      {"LD_PRELOAD=" THAW_PRELOAD "/stuck_sync.so", "ASAN_OPTIONS=verify_asan_link_order=0",
       "STUCK_AT=/run/checkpoints/", "STUCK_LOG=" + stuck},
      {"train", config, "--out", run}, work_of(run), stuck, SIGINT);
  EXPECT_TRUE(std::filesystem::exists(stuck)) << "it was saving";
  EXPECT_EQ(result.code, 130) << result.err;
  EXPECT_EQ(result.err.find("--resume"), std::string::npos) << "nothing was saved: " << result.err;
  const ProgramResult more =
      run_program_and_signal({"train", config, "--out", run, "--resume"}, work_of(run), SIGINT);
  EXPECT_EQ(more.code, 130) << more.err;
  EXPECT_NE(more.err.find("--resume"), std::string::npos) << more.err;
}

// l2-sp would pull towards other weights than before.
TEST(CliResume, OtherStartingWeightsAreRefused) {
  const TemporaryFolder folder;
  for (const char* seed : {"1", "2"}) {
    const ProgramResult made =
        run_program({"train", folder.write("start.toml", kLong), "--set", "train.steps=1", "--set",
                     std::string("train.seed=") + seed, "--out", folder.path(std::string("start-") + seed)});
    ASSERT_EQ(made.code, 0) << made.err;
  }
  const auto begin_with = [&](const std::string& seed) {
    folder.write("init.safetensors", file_text(folder.path("start-" + seed + "/model.safetensors")));
  };
  begin_with("1");
  const std::string config = folder.write("long.toml", std::string("[model]\ninit = \"init.safetensors\"\n") +
                                                           kLong + "[strategy]\nname = \"l2-sp\"\n");
  const std::vector<std::string> resume = {"train", config, "--out", folder.path("run"), "--resume"};
  ASSERT_EQ(run_program_and_signal(resume, work_of(folder.path("run")), SIGINT).code, 130);
  begin_with("2");
  const ProgramResult refused = run_program(resume);
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("began with another model: what model.from or model.init names has changed"),
            std::string::npos)
      << refused.err;
  begin_with("1");
  const ProgramResult again = run_program_and_signal(resume, work_of(folder.path("run")), SIGINT);
  EXPECT_EQ(again.code, 130) << again.err;
  EXPECT_NE(again.err.find("resumed after"), std::string::npos) << again.err;
}

TEST(CliResume, ARunIsOneOfItsConfigBeforeTheFirstCheckpointToo) {
  const TemporaryFolder folder;
  const std::string config = folder.write("long.toml", kLong), run = folder.path("run");
  const std::vector<std::string> train = {"train", config, "--out", run};
  run_program_and_signal(train, work_of(run), SIGKILL);
  ASSERT_TRUE(std::filesystem::exists(run + "/metrics.jsonl"));
  const ProgramResult other =
      run_program({"train", config, "--out", run, "--resume", "--set", "train.steps=2"});
  EXPECT_EQ(other.code, 2) << other.err;
  EXPECT_NE(other.err.find("this config has `steps = 2`"), std::string::npos) << other.err;
}

TEST(CliResume, ARunGoesOnByTheConfigThatItWrote) {
  const TemporaryFolder folder;
  const std::string config = folder.write("long.toml", kLong), run = folder.path("run");
  ASSERT_EQ(run_program_and_signal({"train", config, "--out", run}, work_of(run), SIGINT).code, 130);
  const ProgramResult again =
      run_program_and_signal({"train", run + "/config.toml", "--out", run, "--resume"}, work_of(run), SIGINT);
  EXPECT_EQ(again.code, 130) << again.err;
  EXPECT_NE(again.err.find("resumed after"), std::string::npos) << again.err;
}

TEST(CliResume, MissingFolderBeginsAndFinishedRunIsLeftAlone) {
  const TemporaryFolder folder;
  const std::string config =
      folder.write("short.toml", "[data]\ntrain = \"builtin:digits\"\n[train]\nsteps = 20\n");
  const std::string run = folder.path("run");
  ASSERT_EQ(run_program({"train", config, "--out", run, "--resume"}).code, 0);
  const std::string report = file_text(run + "/run.json");
  const ProgramResult again = run_program({"train", config, "--out", run, "--resume"});
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("nothing to do"), std::string::npos);
  EXPECT_EQ(file_text(run + "/run.json"), report);
  const ProgramResult other =
      run_program({"train", config, "--out", run, "--resume", "--set", "train.steps=30"});
  EXPECT_EQ(other.code, 2) << "that run was not done";
  EXPECT_NE(other.err.find("begun with `steps = 20`, this config has `steps = 30`"), std::string::npos)
      << other.err;
  EXPECT_EQ(file_text(run + "/run.json"), report);
}

// A folder that has no run in it may have the user's config.
TEST(CliResume, AConfigOfTheUserIsNotWrittenOver) {
  const TemporaryFolder folder;
  const std::string text = "# mine\n[data]\ntrain = \"builtin:digits\"\n[train]\nsteps = 2\n";
  const std::string config = folder.write("config.toml", text);
  const ProgramResult result = run_program({"train", config, "--out", folder.path(), "--resume"});
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("another --out"), std::string::npos) << result.err;
  EXPECT_EQ(file_text(config), text);
}

}  // namespace
}  // namespace thaw::test
