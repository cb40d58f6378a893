// A disk that fails: every call that changes a file fails in turn, in a run that is resumed. The program ends
// with one line and exit code 1, and what was saved before is still there to go on from.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/files.h"
#include "tests/support/program.h"
#include "tests/support/resume.h"
#include "tests/support/text_model.h"

namespace thaw::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig =
    "[model]\nfrom = \"model\"\n[data]\ntrain = \"s.csv\"\n[train]\nsteps = 4\nbatch_size = 8\n"
    "checkpoint_every = \"1 steps\"\ncache_disk = \"0B\"\n[strategy]\nname = ";

struct SlowDisk : ::testing::Test {
  explicit SlowDisk(const std::string& strategy = "\"gradual\"\nevery = \"1 steps\"\n")
      : config(folder.write("task.toml", kConfig + strategy)) {
    write_text_model(folder.path("model"));
    whole = run(folder.path("whole"), {});
    EXPECT_EQ(whole.code, 0) << whole.err;
  }
  ProgramResult run(const std::string& out, const std::vector<std::string>& environment) const {
    return run_program_in(environment, {"train", config, "--out", out, "--resume"});
  }
  std::vector<std::string> failing(int call, const std::string& how) const {
    return {"LD_PRELOAD=" THAW_PRELOAD "/fail_writes.so", "ASAN_OPTIONS=verify_asan_link_order=0",
            "FAIL_CALL=" + std::to_string(call), "FAIL_AS=" + how, "FAIL_LOG=" + folder.path("log")};
  }
  bool did_fail() const {
    const bool did = fs::exists(folder.path("log"));
    fs::remove(folder.path("log"));
    return did;
  }

  TemporaryFolder folder;
  std::string data = folder.write("s.csv", sentences_csv(40, 1));
  std::string config;
  ProgramResult whole;
};

// Its run folder has one of adapters in it.
struct SlowDiskAdapter : SlowDisk {
  SlowDiskAdapter() : SlowDisk("\"lora\"\n") {}
};

// The failing call is moved on until a run makes fewer of them.
void expect_nothing_lost(SlowDisk& test, const std::string& how, bool may_go_well) {
  int call = 1, failures = 0;
  for (;; ++call) {
    const std::string out = test.folder.path(how + std::to_string(call));
    const ProgramResult failed = test.run(out, test.failing(call, how));
    if (!test.did_fail()) {
      EXPECT_EQ(failed.code, 0) << failed.err;
      break;
    }
    if (failed.code != 0) {
      ++failures;
      const std::size_t error = failed.err.find("thaw: error: ");
      EXPECT_EQ(failed.code, 1) << "call " << call << ": " << failed.err;
      ASSERT_NE(error, std::string::npos) << "call " << call << ": " << failed.err;
      const std::string last = failed.err.substr(error);
      EXPECT_EQ(std::count(last.begin(), last.end(), '\n'), 1) << last;
    } else if (call > 1) {  // the first is a note in the lock file of who holds it
      EXPECT_TRUE(may_go_well) << "call " << call << " failed and nobody said so";
    }
    const std::int64_t step = newest_checkpoint(out);
    const ProgramResult again = test.run(out, {});
    ASSERT_EQ(again.code, 0) << "after call " << call << ": " << again.err;
    if (failed.code != 0) expect_resumed(again, step);
    SCOPED_TRACE("after call " + std::to_string(call));
    expect_same_files(out, test.folder.path("whole"));
    fs::remove_all(out);
  }
  EXPECT_GT(call, 30) << "so many calls there are at least";
  EXPECT_EQ(failures, may_go_well ? 0 : call - 2);
}

TEST_F(SlowDisk, FullAtEveryCall) { expect_nothing_lost(*this, "enospc", false); }
TEST_F(SlowDiskAdapter, FullAtEveryCall) { expect_nothing_lost(*this, "enospc", false); }
TEST_F(SlowDisk, BrokenAtEveryCall) { expect_nothing_lost(*this, "eio", false); }
TEST_F(SlowDisk, AWriteIsCutShort) { expect_nothing_lost(*this, "short", true); }

}  // namespace
}  // namespace thaw::test
