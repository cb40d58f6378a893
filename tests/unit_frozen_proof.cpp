// The proof that what is frozen keeps its bits is one that can fail: a run in which something reaches a
// frozen weight or a frozen statistic is an error, however small the change and whenever it comes.
#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "tests/support/messages.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

// The next number up.
void touch(const Tensor& tensor) {
  const NoGrad no_grad;
  Tensor target = tensor;
  float& value = target.data<float>()[tensor.numel() - 1];
  value = std::nextafter(value, INFINITY);
}

// What a run under this strategy is refused with, when something reaches the tensor of that name after
// `update`.
std::string error_of(const StrategyRequest& strategy, std::int64_t update, const std::string& name) {
  TestRun run("cnn", strategy);
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) {
    if (progress.completed != update) return;
    for (const auto& [own, tensor] : tensors_of(*run.model))
      if (own == name) return touch(tensor);
    ADD_FAILURE() << "there is no " << name;
  };
  return message_of<Error>([&] { run.train(hooks); });
}

TEST(FrozenProof, FailsForAWeight) {
  const std::string message = "frozen weights changed in phase 1 (updates 1 to 12)";
  for (const std::int64_t update : {1, 12})
    for (const char* name : {"stem.conv.weight", "layers.1.bn2.bias"})
      expect_has(error_of({"head", {}, {}}, update, name), message);
  EXPECT_EQ(error_of({"head", {}, {}}, 5, "head.bias"), kNothingThrown) << "it trains";
}

TEST(FrozenProof, FailsForARunningStatistic) {
  const std::string message = "frozen weights changed in phase 1 (updates 1 to 12)";
  for (const char* name : {"stem.bn.running_mean", "layers.0.bn1.running_var"})
    expect_has(error_of({"head", {}, {}}, 3, name), message);
  // Where frozen norms go on, their statistics are not frozen.
  const StrategyRequest moving{"head", {{"frozen_norm", "batch"}}, {}};
  EXPECT_EQ(error_of(moving, 3, "stem.bn.running_mean"), kNothingThrown);
}

TEST(FrozenProof, IsOfEachPhase) {
  const StrategyRequest plan =
      request_of({make_phase(0, "head"), make_phase(4, "all"), make_phase(8, "top:1")});
  expect_worded(error_of(plan, 2, "stem.conv.weight"));
  EXPECT_EQ(error_of(plan, 6, "stem.conv.weight"), kNothingThrown) << "it trains then";
  expect_worded(error_of(plan, 9, "stem.conv.weight"));
}

}  // namespace
}  // namespace thaw::test
