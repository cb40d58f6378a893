// Updates whose loss or gradient is not finite, and what train.nan makes of them: to the bit what a run would
// have come to that never met them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>

#include "core/autograd.h"
#include "finetune/run/run_folder.h"
#include "tests/support/files.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

constexpr float kBad = std::numeric_limits<float>::infinity();

// Full batches in the order of the data, so that every update sees the same. Samples are bad in the updates
// `bad`, counted from 1.
class RunWithBadUpdates : public TestRun {
 public:
  RunWithBadUpdates(const std::string& optimizer, const char* policy, std::vector<std::int64_t> bad,
                    const std::string& architecture = "mlp", StrategyRequest strategy = {"full", {}, {}})
      : TestRun(architecture, std::move(strategy)), bad_(std::move(bad)) {
    config.train = harsh_training(config.train, optimizer);
    config.train.batch_size = 0;
    config.train.shuffle = false;
    config.train.nan = choice_named<NanAction>(policy);
    config.train.steps = 6;
    good_ = values_of(data.train);
  }

  RunResult train(RunFolder* folder = nullptr) { return train_from(0, folder, false); }

  // Stopped after `updates`, and gone on with.
  RunResult train_in_two(std::int64_t updates) {
    const TemporaryFolder folder;
    RunFolder run_folder(folder.path(), false);
    stop_after_ = updates;
    EXPECT_EQ(train(&run_folder).status, RunStatus::interrupted);
    stop_after_ = 0;
    return train_from(updates, &run_folder, true);
  }

 private:
  // The data are good while the run begins, which looks at all of them to see whose checkpoint it has.
  RunResult train_from(std::int64_t completed, RunFolder* folder, bool resume) {
    set_next(0);
    StopToken stop;
    Trainer::Hooks hooks;
    hooks.stop = &stop;
    hooks.message = [&](const std::string& text) {
      if (text.starts_with("resumed")) set_next(completed + 1);
    };
    hooks.progress = [&](const Moment& progress) {
      set_next(progress.completed + 1);
      if (progress.completed == stop_after_) stop.request(SIGINT);
    };
    return TestRun::train(hooks, folder, resume);
  }
  void set_next(std::int64_t update) {
    set_values(data.train, good_);
    if (std::find(bad_.begin(), bad_.end(), update) != bad_.end()) set_value(data.train, 3, kBad);
  }

  std::vector<std::int64_t> bad_;
  std::vector<float> good_;
  std::int64_t stop_after_ = 0;
};

std::unique_ptr<Model> trained_well(const std::string& optimizer, std::int64_t updates,
                                    const std::string& architecture = "mlp") {
  RunWithBadUpdates run(optimizer, "stop", {}, architecture);
  run.config.train.steps = updates;
  EXPECT_EQ(run.train().status, RunStatus::ok);
  return std::move(run.model);
}

// Neither weights nor running statistics nor the optimizer's state know of it.
TEST(BadUpdates, SkippedOnesLeaveNoTrace) {
  for (const char* optimizer : {"sgd", "adamw"})
    for (const char* architecture : {"mlp", "cnn"}) {
      SCOPED_TRACE(std::string(optimizer) + ", " + architecture);
      RunWithBadUpdates run(optimizer, "skip", {2, 5}, architecture);
      const RunResult outcome = run.train();
      EXPECT_EQ(outcome.skipped, 2);
      expect_same_bits(*run.model, *trained_well(optimizer, 4, architecture));
    }
}

// Back at the start of the phase, with an optimizer that begins anew: as if the run had begun there.
TEST(BadUpdates, RollbackUndoesWhatTheOptimizerKeptToo) {
  for (const char* optimizer : {"sgd", "adamw"}) {
    SCOPED_TRACE(optimizer);
    RunWithBadUpdates run(optimizer, "rollback", {3});
    const RunResult outcome = run.train();
    EXPECT_EQ(outcome.rollbacks, 1);
    expect_same_bits(*run.model, *trained_well(optimizer, 3));
  }
}

// A checkpoint is a place to go back to.
TEST(BadUpdates, RollbackGoesNoFurtherThanTheLastCheckpoint) {
  RunWithBadUpdates run("sgd", "rollback", {6});
  run.config.train.checkpoint_every = Period{Period::Unit::steps, 2};
  run.train();
  expect_same_bits(*run.model, *trained_well("sgd", 4));
}

// Nor than the phase: what is frozen now keeps what it had come to.
TEST(BadUpdates, RollbackGoesNoFurtherThanThePhase) {
  const StrategyRequest plan = request_of({make_phase(0, "all"), make_phase(4, "head")});
  RunWithBadUpdates run("sgd", "rollback", {6}, "mlp", plan);
  EXPECT_EQ(run.train().rollbacks, 1);
  expect_same_bits(*run.model, *trained_well("sgd", 4));
}

// A run that is stopped between a snapshot and a bad update goes on as one that was not.
TEST(BadUpdates, WhatARollbackNeedsSurvivesResuming) {
  RunWithBadUpdates whole("adamw", "rollback", {3, 6});
  const RunResult expected = whole.train();
  ASSERT_EQ(expected.rollbacks, 2);
  for (const std::int64_t updates : {1, 2, 4, 5}) {
    SCOPED_TRACE("stopped after " + std::to_string(updates));
    RunWithBadUpdates run("adamw", "rollback", {3, 6});
    const RunResult outcome = run.train_in_two(updates);
    EXPECT_EQ(outcome.status, RunStatus::ok) << outcome.message;
    EXPECT_EQ(outcome.rollbacks, expected.rollbacks);
    expect_same_bits(*run.model, *whole.model);
  }
}

// A run that would be given up is given up, though it is another process that meets the last of them.
TEST(BadUpdates, TheNumberOfThemSurvivesResuming) {
  RunWithBadUpdates back("sgd", "rollback", {2, 3, 5, 6});
  EXPECT_EQ(back.train_in_two(4).status, RunStatus::diverged);
  RunWithBadUpdates skipping("sgd", "skip", {2, 3, 5});
  const RunResult outcome = skipping.train_in_two(4);
  EXPECT_EQ(outcome.status, RunStatus::ok) << outcome.message;
  EXPECT_EQ(outcome.skipped, 3);
}

// -- weights that an update of a finite loss made infinite

TestRun overflowing(const char* policy) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.optimizer = OptimizerKind::sgd;
  run.config.train.lr = 3e38;
  run.config.train.weight_decay = 1e6;  // so that a weight moves by more than there are numbers
  run.config.train.steps = 1;
  run.config.train.nan = choice_named<NanAction>(policy);
  run.data.validation = {};  // no evaluation finds it out
  return run;
}

TEST(BadUpdates, WeightsThatAreNotFiniteAreNoticedAtTheEnd) {
  for (const char* policy : {"stop", "skip"}) {
    TestRun run = overflowing(policy);
    const RunResult outcome = run.train();
    EXPECT_TRUE(std::isfinite(outcome.last_loss));
    EXPECT_EQ(outcome.status, RunStatus::diverged) << policy;
    EXPECT_NE(outcome.message.find("the weights are not finite after update 1"), std::string::npos)
        << outcome.message;
  }
  TestRun run = overflowing("rollback");
  EXPECT_EQ(run.train().rollbacks, 1);
  expect_same_bits(*run.model, *run.make());
}

// Layers that give 0, and so a loss of the head's bias alone, but have gradients beyond the numbers.
TEST(BadUpdates, AGradientThatIsNotFiniteIsNoticed) {
  for (const std::string policy : {"stop", "skip", "rollback"}) {
    SCOPED_TRACE(policy);
    TestRun run("mlp", {"full", {}, {}});
    run.model_config.hidden = {8};
    run.model_config.activation = "tanh";
    run.config.train.steps = 2;
    run.config.train.nan = choice_named<NanAction>(policy);
    Trainer::Hooks hooks;
    hooks.progress = [&](const Moment& progress) {
      if (progress.completed > 1) return;
      set_values(run.data.train, std::vector<float>(values_of(run.data.train).size(), 1e10F));
      const NoGrad no_grad;
      for (const ParameterPtr& parameter : run.model->parameters())
        std::fill_n(parameter->tensor.data<float>(), parameter->tensor.numel(),
                    parameter->name == "head.weight" ? 1e30F : 0.0F);
      run.model->parameters()[2]->tensor.data<float>()[0] = -1e30F;  // or those of the classes would cancel
    };
    const RunResult outcome = run.train(hooks);
    EXPECT_TRUE(std::isfinite(outcome.last_loss)) << "or this shows nothing";
    EXPECT_EQ(outcome.skipped, policy == "skip" ? 1 : 0);
    EXPECT_EQ(outcome.rollbacks, policy == "rollback" ? 1 : 0);
    EXPECT_EQ(outcome.status == RunStatus::diverged, policy == "stop") << outcome.message;
    if (policy != "rollback") continue;
    expect_same_bits(*run.model, *run.make());
  }
}

}  // namespace
}  // namespace thaw::test
