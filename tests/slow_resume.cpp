// Kills at random moments: fifty of one run whose plan changes much, two hundred over the strategies, on
// texts.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "finetune/plan/strategies/registry.h"
#include "tests/support/files.h"
#include "tests/support/resume.h"
#include "tests/support/text_model.h"

namespace thaw::test {
namespace {

TEST(SlowResume, FiftyKillsLeaveTheSameBits) {
  const TemporaryFolder folder;
  expect_same_bits_after_kills(folder.write("task.toml", kChangingRun), 50, 2);
}

// Dropout, accumulation and a cosine are on, so that whatever a checkpoint forgets changes the weights.
TEST(SlowResume, TwoHundredKillsOverTheStrategiesLeaveTheSameBits) {
  const TemporaryFolder folder;
  write_text_model(folder.path("model"));
  folder.write("s.csv", sentences_csv(60, 1));
  const std::vector<StrategySpec>& specs = strategies();
  const int count = static_cast<int>(specs.size()) - 1;  // of those that are killed below
  const int each = (200 + count - 1) / count;
  std::uint64_t seed = 0;
  for (const StrategySpec& strategy : specs) {
    if (strategy.name == "plan") continue;  // has no phases of its own; the test above has some
    SCOPED_TRACE(strategy.name);
    const std::string config =
        folder.write("task.toml", std::string("[model]\nfrom = \"model\"\ndropout = 0.1\n"
                                              "[data]\ntrain = \"s.csv\"\n"
                                              "[train]\nepochs = 30\nbatch_size = 8\naccumulation = 2\n"
                                              "schedule = \"cosine\"\ncheckpoint_every = \"3 steps\"\n"
                                              "restore_best = true\n[strategy]\nname = \"") +
                                      strategy.name + "\"\n");
    expect_same_bits_after_kills(config, each, ++seed);
  }
}

}  // namespace
}  // namespace thaw::test
