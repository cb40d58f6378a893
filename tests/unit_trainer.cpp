// The trainer's promises beside those of unit_behaviours.cpp: the ledger's predictions, batches, what happens
// when a loss is not finite, early stopping, runs without updates.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/model/snapshot.h"
#include "finetune/train/ledger.h"
#include "finetune/train/trainer.h"
#include "tests/support/tasks.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

// -- the ledger: what the meta device says is what the CPU does

void expect_equal_cost(const StepCost& predicted, const StepCost& measured) {
  for (std::size_t s = 0; s < kSections; ++s) {
    SCOPED_TRACE(section_name(static_cast<Section>(s)));
    EXPECT_EQ(predicted.flops[s], measured.flops[s]);
    for (std::size_t g = 0; g < predicted.group_flops.size(); ++g)
      EXPECT_EQ(predicted.group_flops[g][s], measured.group_flops[g][s]) << "group " << g;
  }
  EXPECT_EQ(predicted.saved_bytes, measured.saved_bytes);
  EXPECT_EQ(predicted.gradient_bytes, measured.gradient_bytes);
  EXPECT_EQ(predicted.optimizer_bytes, measured.optimizer_bytes);
}

StrategyRequest strategy_named(const std::string& name, const std::string& architecture) {
  StrategyRequest request{name, {}, {}};
  if (name == "plan")
    request.phases = {make_phase(0, "head"), make_phase(4, "all"), make_phase(8, "all, !layers.0")};
  return with_places(request, architecture);
}

TEST(Ledger, PredictionsEqualMeasurements) {
  for (const char* architecture : {"mlp", "cnn"})
    for (const std::string strategy : {"full", "head", "top-1", "gradual", "lora", "dora", "adapter",
                                       "bitfit", "norm-only", "l2-sp", "plan"})
      for (const char* optimizer : {"sgd", "adamw"}) {
        if (strategy == "adapter" && architecture == std::string("cnn")) continue;  // finds no place
        SCOPED_TRACE(std::string(architecture) + ", " + strategy + ", " + optimizer);
        TestRun run(architecture, strategy_named(strategy, architecture), 0.1);
        run.config.train = harsh_training(run.config.train, optimizer);
        const RunResult outcome = run.train();
        ASSERT_FALSE(outcome.ledger.phases.empty());
        for (const LedgerPhase& row : outcome.ledger.phases) {
          SCOPED_TRACE("phase " + std::to_string(row.phase));
          EXPECT_TRUE(row.was_measured);
          expect_equal_cost(row.predicted, row.measured);
        }
      }
}

// Texts of these lengths by turns, as a batch of eight has them, in the order of the data.
void use_texts(TestRun& run, const std::vector<std::int64_t>& lengths) {
  run.config.train.shuffle = false;
  run.model_config.sample_shape = {};
  TransformerConfig& t = run.model_config.transformer;
  t.vocab_size = 12;
  t.positions = 9;
  t.token_types = 2;
  t.hidden_size = 8;
  t.layers = 2;
  t.heads = 2;
  t.intermediate_size = 16;
  t.pooling = "mean";
  Dataset& data = run.data.train;
  std::vector<Text> texts;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::int64_t length = lengths[static_cast<std::size_t>(i) % lengths.size()];
    texts.push_back({"a text", "", std::vector<std::int64_t>(static_cast<std::size_t>(length), 1 + i % 11)});
  }
  data.inputs = std::make_shared<const Texts>(std::move(texts));
  run.data.validation = data;
}

TEST(Ledger, PredictionsOfTextsCountTokensNotPadding) {
  for (const std::vector<std::int64_t>& lengths : {std::vector<std::int64_t>{5}, {7, 2, 3, 4}})
    for (const char* strategy : {"full", "head", "top-1", "lora", "adapter"}) {
      SCOPED_TRACE(std::string(strategy) + (lengths.size() > 1 ? ", padded" : ""));
      TestRun run("mlp", {strategy, {}, {}});
      run.model_config.architecture = "bert";
      use_texts(run, lengths);
      const RunResult outcome = run.train();
      ASSERT_FALSE(outcome.ledger.phases.empty());
      for (const LedgerPhase& row : outcome.ledger.phases) expect_equal_cost(row.predicted, row.measured);
    }
}

// The update that is observed is no mean one: its own lengths are predicted.
TEST(Ledger, TheObservedUpdateOfTextsIsPredicted) {
  for (const char* strategy : {"full", "head", "top-1", "gradual", "lora"})
    for (const std::int64_t accumulation : {1, 2}) {
      SCOPED_TRACE(concat(strategy, ", accumulation ", accumulation));
      TestRun run("mlp", {strategy, {}, {}});
      run.model_config.architecture = "bert";
      use_texts(run, {1, 9, 4, 2, 8, 3, 3, 5, 7, 6, 1});
      run.config.train.shuffle = true;
      run.config.train.accumulation = accumulation;
      const RunResult outcome = run.train();
      ASSERT_FALSE(outcome.ledger.phases.empty());
      bool differs = false;
      for (const LedgerPhase& row : outcome.ledger.phases) {
        ASSERT_TRUE(row.was_measured);
        expect_equal_cost(row.predicted_observed, row.measured);
        differs |= row.predicted.saved_bytes != row.measured.saved_bytes;
      }
      EXPECT_TRUE(differs || std::string(strategy) == "head") << "the lengths make no difference here";
    }
}

TEST(Ledger, FreezingSavesFlopsAndBytes) {
  auto cost = [](const char* strategy) {
    return TestRun("cnn", {strategy, {}, {}}).train().ledger.phases.front().measured;
  };
  const StepCost full = cost("full");
  const StepCost head = cost("head");
  const auto input_gradient = static_cast<std::size_t>(Section::input_gradient);
  EXPECT_LE(head.flops[0], full.flops[0]);
  EXPECT_LT(head.flops[input_gradient], full.flops[input_gradient] / 100);
  for (std::size_t group = 0; group + 1 < head.group_flops.size(); ++group)
    for (std::size_t section = 1; section < kSections; ++section)
      EXPECT_EQ(head.group_flops[group][section], 0);
  EXPECT_LT(head.saved_bytes, full.saved_bytes / 10);
  EXPECT_LT(head.gradient_bytes, full.gradient_bytes / 10);
  EXPECT_LT(head.optimizer_bytes, full.optimizer_bytes / 10);
}

// -- batches

TEST(BatchPlan, KeepsTheLastPartialBatch) {
  BatchPlan plan(10, 4, 1, false, 0);
  EXPECT_EQ(plan.updates_per_epoch(), 3);
  EXPECT_EQ(plan.update(2), (std::vector<std::vector<std::int64_t>>{{8, 9}}));
  EXPECT_EQ(plan.samples(2), 2);
  EXPECT_EQ(plan.update(3), (std::vector<std::vector<std::int64_t>>{{0, 1, 2, 3}}));  // the next epoch
}

TEST(BatchPlan, AccumulatesMicroBatches) {
  BatchPlan plan(10, 3, 2, false, 0);
  EXPECT_EQ(plan.updates_per_epoch(), 2);
  EXPECT_EQ(plan.update(0), (std::vector<std::vector<std::int64_t>>{{0, 1, 2}, {3, 4, 5}}));
  EXPECT_EQ(plan.update(1), (std::vector<std::vector<std::int64_t>>{{6, 7, 8}, {9}}));
}

TEST(BatchPlan, ShufflesEachEpochAnewWhateverWasAskedBefore) {
  BatchPlan plan(50, 10, 1, true, 7);
  std::vector<std::vector<std::int64_t>> epochs(2);
  for (std::int64_t k = 0; k < 10; ++k) {
    const auto micro_batches = plan.update(k);
    auto& rows = epochs[static_cast<std::size_t>(k / 5)];
    rows.insert(rows.end(), micro_batches[0].begin(), micro_batches[0].end());
  }
  EXPECT_NE(epochs[0], epochs[1]);
  BatchPlan resumed(50, 10, 1, true, 7);
  EXPECT_EQ(resumed.update(7), plan.update(7));
  for (auto& rows : epochs) {
    std::sort(rows.begin(), rows.end());
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i], static_cast<std::int64_t>(i));
  }
}

// -- losses that are not finite

TestRun run_with_a_bad_sample(const char* policy) {
  TestRun run("cnn", {"full", {}, {}});
  run.config.train.steps = 6;  // two epochs of three batches
  run.config.train.nan = choice_named<NanAction>(policy);
  set_value(run.data.train, 5, std::numeric_limits<float>::quiet_NaN());
  return run;
}

void expect_finite(const Model& model) {
  for (const auto& [name, tensor] : tensors_of(model))
    for (const double value : tensor.to_vector()) ASSERT_TRUE(std::isfinite(value)) << name;
}

TEST(NotFinite, StopEndsTheRunAndSaysWhere) {
  TestRun run = run_with_a_bad_sample("stop");
  const RunResult outcome = run.train();
  EXPECT_EQ(outcome.status, RunStatus::diverged);
  EXPECT_LT(outcome.completed, 3);
  EXPECT_NE(outcome.message.find("not finite"), std::string::npos) << outcome.message;
}

TEST(NotFinite, SkipLeavesTheUpdateOut) {
  TestRun run = run_with_a_bad_sample("skip");
  const RunResult outcome = run.train();
  EXPECT_EQ(outcome.status, RunStatus::ok);
  EXPECT_EQ(outcome.completed, 6);
  expect_finite(*run.model);
}

// Its weights stay finite, for no step follows the one that was too large.
TEST(NotFinite, ARunThatSkipsToItsEndHasDiverged) {
  for (const bool validated : {true, false}) {
    TestRun run("cnn", {"full", {}, {}});
    run.config.train.steps = 6;
    run.config.train.nan = NanAction::skip;
    run.config.train.lr = 1e30;
    run.config.train.restore_best = validated;
    if (!validated) run.data.validation = {};
    const RunResult outcome = run.train();
    EXPECT_EQ(outcome.status, RunStatus::diverged) << validated;
    EXPECT_NE(outcome.message.find(validated ? "the validation data" : "the training data"),
              std::string::npos)
        << outcome.message;
    EXPECT_NE(outcome.message.find("of 6 updates were skipped"), std::string::npos) << outcome.message;
    expect_finite(*run.model);
  }
}

TEST(NotFinite, RollbackGoesBackToTheLastSnapshot) {
  TestRun run = run_with_a_bad_sample("rollback");
  std::vector<std::string> messages;
  Trainer::Hooks hooks;
  hooks.message = [&](const std::string& text) { messages.push_back(text); };
  const RunResult outcome = run.train(hooks);
  EXPECT_EQ(outcome.status, RunStatus::ok);
  EXPECT_EQ(messages.size(), 2U);
  expect_finite(*run.model);
  // A run that goes back again and again is given up.
  run.config.train.steps = 30;
  EXPECT_EQ(run.train().status, RunStatus::diverged);
}

TEST(NotFinite, RollbackDoesNotTouchWhatIsFrozenNow) {
  TestRun run("mlp", request_of({make_phase(0, "head"), make_phase(6, "all, !head")}));
  run.config.train.nan = NanAction::rollback;
  run.config.train.shuffle = false;
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) {  // bad only once the head is frozen
    if (progress.completed == 7) set_value(run.data.train, 20 * 6, std::numeric_limits<float>::infinity());
  };
  const RunResult outcome = run.train(hooks);
  EXPECT_EQ(outcome.status, RunStatus::ok) << outcome.message;
  ASSERT_EQ(outcome.proofs.size(), 2U);
  EXPECT_TRUE(outcome.proofs[1].equal());
}

TEST(NotFinite, WeightsThatGiveNoFiniteOutputAreNotTheBest) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.steps = 2;
  run.config.train.eval_every = Period{Period::Unit::steps, 1};
  run.config.train.restore_best = true;
  run.config.train.monitor = "validation_accuracy";
  // Outputs that are all infinite would be answers of the first class, and all right.
  for (Sample& sample : run.data.validation.edit().samples) sample.label = 0;
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) {
    if (progress.completed < 2) return;
    const NoGrad no_grad;
    for (const ParameterPtr& parameter : run.model->parameters())
      std::fill_n(parameter->tensor.data<float>(), parameter->tensor.numel(), 1e30F);
  };
  const RunResult outcome = run.train(hooks);
  ASSERT_EQ(outcome.status, RunStatus::ok);
  ASSERT_EQ(outcome.evaluations.size(), 2U);
  EXPECT_TRUE(std::isnan(metric(outcome.evaluations[1].metrics, "accuracy")));
  EXPECT_EQ(outcome.validation, outcome.evaluations[0].metrics);
  EXPECT_LT(run.model->parameters().front()->tensor.to_vector().front(), 1e10);
}

// -- ends of runs

TEST(Trainer, WithoutUpdatesTheModelStaysAndIsEvaluated) {
  TestRun run("cnn", {"gradual", {}, {}});
  run.config.train.steps = 0;
  run.config.train.epochs = 0;
  const RunResult outcome = run.train();
  EXPECT_EQ(outcome.status, RunStatus::ok);
  EXPECT_EQ(outcome.completed, 0);
  EXPECT_EQ(outcome.flops, 0);
  EXPECT_EQ(outcome.validation, evaluate(*run.model, run.data.validation));
  expect_same_bits(*run.model, *run.make());
}

TEST(Trainer, StopsEarlyAndKeepsTheBestWeights) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.steps = 60;
  run.config.train.lr = 0.3;  // overfits at once
  run.config.train.eval_every = Period{Period::Unit::steps, 1};
  run.config.train.early_stopping_patience = 4;
  run.config.train.restore_best = true;
  std::vector<Snapshot> after;  // of each update
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment&) { after.push_back(take_snapshot(*run.model)); };
  const RunResult outcome = run.train(hooks);
  ASSERT_LT(outcome.completed, 60);
  ASSERT_GE(outcome.completed, 5);
  const Snapshot& best = after[static_cast<std::size_t>(outcome.completed - 5)];
  const NamedTensors kept = tensors_of(*run.model);
  for (std::size_t i = 0; i < kept.size(); ++i)
    EXPECT_TRUE(same_bits(best[i], kept[i].second)) << kept[i].first;
  EXPECT_EQ(outcome.validation, evaluate(*run.model, run.data.validation));
}

TEST(Trainer, ThreadsDoNotChangeTheBits) {
  TestRun run("cnn", {"gradual", {}, {}}, 0.2);
  const int threads = num_threads();
  set_num_threads(1);
  run.train();
  const std::unique_ptr<Model> expected = std::move(run.model);
  set_num_threads(3);
  run.train();
  set_num_threads(threads);
  expect_same_bits(*run.model, *expected);
}

}  // namespace
}  // namespace thaw::test
