// Early stopping beside a plan: a run is not over before every phase that its plan promises has begun, or it
// says which did not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "finetune/plan/plan_text.h"
#include "finetune/run/run_folder.h"
#include "finetune/train/trainer.h"
#include "tests/support/files.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

struct EarlyStopping : ::testing::Test {
  // Learning rates at which nothing is ever better than the first evaluation: all zero.
  static TestRun stuck(StrategyRequest strategy, std::int64_t steps) {
    TestRun run("mlp", std::move(strategy));
    run.config.train.steps = steps;
    run.config.train.lr = 0;
    run.config.train.eval_every = run.config.train.checkpoint_every = Period{Period::Unit::steps, 1};
    run.config.train.early_stopping_patience = 3;
    return run;
  }
  RunResult train(TestRun& run) {
    messages.clear();
    Trainer::Hooks hooks;
    hooks.message = [&](const std::string& text) { messages.push_back(text); };
    return run.train(hooks);
  }
  bool was_said(const std::string& words) const {
    return std::any_of(messages.begin(), messages.end(),
                       [&](const std::string& message) { return message.find(words) != std::string::npos; });
  }
  std::vector<std::string> messages;
};

TEST_F(EarlyStopping, WithoutPhasesItComesAfterThePatience) {
  TestRun run = stuck({"full", {}, {}}, 20);
  EXPECT_EQ(train(run).completed, 4);
  EXPECT_TRUE(was_said("no better validation_loss in 3 evaluations"));
}

// Patience runs out exactly where the second half begins, and would have before.
TEST_F(EarlyStopping, TheLastPhaseTrainsWithAPatienceOfItsOwn) {
  for (const std::int64_t steps : {8, 20}) {
    TestRun run = stuck({"lp-ft", {}, {}}, steps);
    const RunResult outcome = train(run);
    EXPECT_EQ(outcome.completed, steps / 2 + 4);
    ASSERT_EQ(outcome.proofs.size(), 2U);
    EXPECT_EQ(outcome.proofs[1].begin, steps / 2);
    EXPECT_TRUE(outcome.never_began.empty());
    EXPECT_EQ(was_said("in 3 evaluations of phase 2"), outcome.completed < steps);
  }
}

// Worse than the first phase's best, but better from one evaluation to the next.
TEST_F(EarlyStopping, APhaseIsMeasuredByItsOwnBest) {
  TestRun run = stuck(request_of({make_phase(0, "head"), make_phase(12, "all")}), 40);
  run.config.train.lr = 0.02;
  run.config.train.early_stopping_patience = 2;
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) {
    if (progress.completed != 13) return;
    const NoGrad no_grad;  // a blow that the second phase recovers from
    for (const ParameterPtr& parameter : run.model->parameters())
      for (std::int64_t i = 0; i < parameter->tensor.numel(); ++i) parameter->tensor.data<float>()[i] *= -6;
  };
  const RunResult outcome = run.train(hooks);
  double best = INFINITY;
  for (const Evaluation& evaluation : outcome.evaluations) {
    const double loss = metric(evaluation.metrics, "loss");
    if (evaluation.step <= 12) best = std::min(best, loss);
    if (evaluation.step > 12 && evaluation.step <= 16) {
      EXPECT_GT(loss, best) << "or this shows nothing, update " << evaluation.step;
    }
  }
  EXPECT_GT(outcome.completed, 16);
}

TEST_F(EarlyStopping, WaitsForAPlateauThatIsToCome) {
  Phase thaw = make_phase(0, "all");
  thaw.at = parse_phase_start("plateau validation_loss 6");
  TestRun run = stuck(request_of({make_phase(0, "head"), thaw}), 40);
  const RunResult outcome = train(run);
  ASSERT_EQ(outcome.triggers.size(), 1U);
  EXPECT_EQ(outcome.triggers[0].step, 7);
  EXPECT_EQ(outcome.completed, 7 + 4);
}

// The evaluations up to its beginning are of the phase before, and the last of them is not its first.
TEST_F(EarlyStopping, APlateauIsOfThePhaseThatItEnds) {
  Phase last = make_phase(0, "head");
  last.at = parse_phase_start("plateau validation_loss 2");
  TestRun run = stuck(request_of({make_phase(0, "head"), make_phase(4, "all"), last}), 40);
  const RunResult outcome = train(run);
  ASSERT_EQ(outcome.triggers.size(), 1U);
  EXPECT_EQ(outcome.triggers[0].step, 4 + 3);
  EXPECT_EQ(outcome.completed, 7 + 4);
}

TEST_F(EarlyStopping, APhaseThatNeverBeganIsNamed) {
  Phase thaw = make_phase(0, "all");
  thaw.at = parse_phase_start("plateau validation_loss 30");
  TestRun run = stuck(request_of({make_phase(0, "head"), thaw, make_phase(99, "head")}), 10);
  const RunResult outcome = train(run);
  EXPECT_EQ(outcome.completed, 10);
  EXPECT_EQ(outcome.never_began,
            (std::vector<std::string>{"phase 2 (plateau validation_loss 30)", "phase 3 (step 99)"}));
  EXPECT_TRUE(was_said("phase 2 never began: its plateau validation_loss 30 did not come"));
}

// The counter is a function of the recorded evaluations and of where the phase began.
TEST_F(EarlyStopping, AKillAnywhereChangesNothing) {
  struct Killed {};
  TestRun run = stuck({"lp-ft", {}, {}}, 12);
  run.config.train.restore_best = true;
  const RunResult expected = train(run);
  ASSERT_EQ(expected.completed, 10);
  const std::unique_ptr<Model> model = std::move(run.model);
  for (std::int64_t stop = 1; stop < 10; ++stop) {
    const TemporaryFolder folder;
    {
      RunFolder first(folder.path(), false);
      Trainer::Hooks hooks;
      hooks.progress = [stop](const Moment& progress) {
        if (progress.completed == stop) throw Killed();
      };
      EXPECT_THROW(run.train(hooks, &first), Killed);
    }
    atomic_write(folder.path() + "/config.toml", "");  // which a run writes before it trains
    RunFolder again(folder.path(), true);
    const RunResult outcome = run.train({}, &again, true);
    EXPECT_EQ(outcome.completed, expected.completed) << stop;
    EXPECT_EQ(outcome.kept, expected.kept) << stop;
    EXPECT_EQ(outcome.proofs.size(), 2U) << stop;
    expect_same_bits(*run.model, *model);
  }
}

// The best of the whole run, also where an earlier phase trained it; that is said.
TEST_F(EarlyStopping, TheBestOfAllPhasesIsKept) {
  TestRun run = stuck({"lp-ft", {}, {}}, 12);
  run.config.train.restore_best = true;
  const RunResult outcome = train(run);
  EXPECT_EQ(outcome.kept, 1);
  EXPECT_TRUE(outcome.kept_is_of_earlier_phase);
  EXPECT_TRUE(was_said("the weights after update 1 are kept, of phase 1 of 2"));
}

}  // namespace
}  // namespace thaw::test
