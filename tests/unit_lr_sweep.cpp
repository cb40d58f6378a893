// A learning-rate sweep trains as a run would: what [train] says of clipping and decay holds in it too.
#include <gtest/gtest.h>

#include "finetune/run/lr_find.h"

namespace thaw::test {
namespace {

// All samples in every update, so that the losses differ by the weights alone.
std::vector<double> losses_of(const Config& config) {
  std::vector<double> losses;
  const SweepOptions options{.low = 0.1, .high = 0.5, .updates = 8};
  for (const SweepPoint& point : sweep_rates(config, options, false, {[](const std::string&) {}, {}}).points)
    losses.push_back(point.loss);
  return losses;
}

Config small_config() {
  Config config;
  config.data.train = "builtin:digits";
  config.data.limit = 40;
  config.model.from = "mlp";
  config.model.hidden = {8};
  config.train.optimizer = OptimizerKind::sgd;
  config.train.batch_size = 0;
  config.train.weight_decay = 0;
  return config;
}

TEST(LrSweep, ClipsAsARunDoes) {
  Config config = small_config();
  const std::vector<double> free = losses_of(config);
  ASSERT_EQ(free.size(), 8U);
  EXPECT_LT(free.back(), free.front() - 1e-3);
  config.train.clip_norm = 1e-7;
  for (const double loss : losses_of(config)) EXPECT_NEAR(loss, free.front(), 1e-5);
}

TEST(LrSweep, LeavesWhatDoesNotDecay) {
  Config config = small_config();
  const std::vector<double> without = losses_of(config);
  config.train.weight_decay = 1;
  EXPECT_NE(losses_of(config), without);
  config.train.no_decay = "all";
  EXPECT_EQ(losses_of(config), without);
}

}  // namespace
}  // namespace thaw::test
