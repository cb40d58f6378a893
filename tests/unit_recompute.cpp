// train.recompute: groups that keep nothing for backward. Bits, the ledger's truth, and the limit.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "finetune/model/weights_hash.h"
#include "finetune/task/transcription.h"
#include "nn/models/registry.h"
#include "tests/support/made_sounds.h"
#include "tests/support/messages.h"
#include "tests/support/small_models.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

// A run of the smallest model of an architecture, with dropout.
TestRun small_run(const std::string& architecture, const std::string& strategy) {
  TestRun run("mlp", {strategy, {}, {}});
  run.model_config = small_model(architecture);
  set_dropout(run.model_config, 0.2);
  run.config.train.accumulation = 2;
  run.config.train.cache = "off";
  if (run.model_config.pools_places) {
    run.data.train = made_sound_classes(run.model_config, 24, 2);
    run.data.validation = made_sound_classes(run.model_config, 12, 3);
    return run;
  }
  if (takes_sound(run.model_config)) {
    const auto make = run.model_config.decoder.writes ? made_dictation : made_sounds;
    run.config.data.task = "transcription";
    run.data.task = &transcription();
    run.data.train = make(run.model_config, 24, 2);
    run.data.validation = make(run.model_config, 12, 3);
    return run;
  }
  if (!takes_text(run.model_config)) {
    run.data.train = make_clusters(run.model_config.sample_shape, 24, 2);
    run.data.validation = make_clusters(run.model_config.sample_shape, 12, 3);
    return run;
  }
  Dataset& data = run.data.train;
  std::vector<Text> texts;
  for (std::int64_t i = 0; i < data.size(); ++i)
    texts.push_back(
        {"", "", std::vector<std::int64_t>(static_cast<std::size_t>(1 + i * 7 % 12), 2 + i % 17)});
  data.inputs = std::make_shared<const Texts>(std::move(texts));
  run.data.validation = data;
  return run;
}

std::int64_t peak_of(const Ledger& ledger) {
  std::int64_t peak = 0;
  for (const LedgerPhase& row : ledger.phases) peak = std::max(peak, row.peak_bytes);
  return peak;
}

TEST(Recompute, TheBitsAreTheSameAndLessIsKept) {
  std::set<std::string> refused;
  for (const std::string& architecture : all_small_models())
    for (const char* strategy : {"full", "top-1", "gradual", "bitfit"}) {
      SCOPED_TRACE(architecture + ", " + strategy);
      TestRun run = small_run(architecture, strategy);
      const RunResult without = run.train();
      const std::string bits = hash_of_model(*run.model, run.model_config);
      run.config.train.recompute = "auto";
      run.config.train.memory = ByteSize{peak_of(without.ledger) - 1};
      RunResult with;
      try {
        with = run.train();
      } catch (const InputError&) {  // the phase that takes most has nothing to compute again
        refused.insert(architecture + ' ' + strategy);
        continue;
      }
      EXPECT_EQ(hash_of_model(*run.model, run.model_config), bits);
      EXPECT_EQ(with.last_loss, without.last_loss);
      EXPECT_LT(peak_of(with.ledger), peak_of(without.ledger));
      EXPECT_GT(with.flops, without.flops);
      for (const LedgerPhase& row : with.ledger.phases) {
        ASSERT_TRUE(row.was_measured);
        EXPECT_EQ(row.predicted_observed.saved_bytes, row.measured.saved_bytes) << row.phase;
        EXPECT_EQ(row.predicted_observed.flops, row.measured.flops) << row.phase;
        EXPECT_EQ(row.predicted_observed.gradient_bytes, row.measured.gradient_bytes) << row.phase;
      }
    }
  // One layer that trains keeps its input either way; ReLU's output is the next layer's input; batch norms have buffers.
  std::set<std::string> expected = {"mlp bitfit", "squeezenet bitfit"};
  for (const std::string& architecture : all_small_models()) expected.insert(architecture + " top-1");
  for (const char* of_batch_norms : {"cnn", "resnet", "efficientnet-lite"})
    for (const char* strategy : {"full", "gradual", "bitfit"})
      expected.insert(concat(of_batch_norms, ' ', strategy));
  EXPECT_EQ(refused, expected);
}

// What is allocated beside the weights is what was predicted, but for what kernels use for themselves.
TEST(Recompute, TheLimitIsKept) {
  TestRun run = small_run("bert", "full");
  run.model_config.transformer.hidden_size = 64;
  run.model_config.transformer.intermediate_size = 256;
  run.model_config.transformer.layers = 4;
  run.config.train.batch_size = 24;
  run.config.train.accumulation = 1;
  const RunResult without = run.train();
  run.config.train.recompute = "auto";
  run.config.train.memory = ByteSize{peak_of(without.ledger) * 9 / 10};
  const RunResult with = run.train();
  EXPECT_FALSE(with.ledger.phases[0].recomputed.empty());
  EXPECT_LE(peak_of(with.ledger), run.config.train.memory->bytes);
  const auto scratch = [](const RunResult& result) {
    return static_cast<double>(result.peak_bytes - peak_of(result.ledger));
  };
  EXPECT_LE(std::abs(scratch(without)), 0.02 * static_cast<double>(without.peak_bytes));
  EXPECT_LE(std::abs(scratch(with)), 0.02 * static_cast<double>(with.peak_bytes));
}

TEST(Recompute, WhatDoesNotFitIsRefused) {
  TestRun run = small_run("mlp", "full");
  run.config.train.memory = ByteSize{1000};
  expect_worded(message_of<InputError>([&] { run.train(); }));
  run.config.train.memory = ByteSize{2500};  // gradients and state fit
  expect_worded(message_of<InputError>([&] { run.train(); }));
  run.config.train.recompute = "auto";
  expect_worded(message_of<InputError>([&] { run.train(); }));
}

// Images: the batch itself is a part of the peak, once.
TEST(Recompute, ThePeakHoldsOneBatch) {
  TestRun run("mlp", {"head", {}, {}});
  run.model_config.sample_shape = {512};
  run.data.train = make_clusters({512}, 64, 2);
  run.data.validation = make_clusters({512}, 12, 3);
  run.config.train.batch_size = 64;
  run.config.train.cache = "off";
  const RunResult result = run.train();
  const std::int64_t batch = 64 * 512 * 4, scratch = result.peak_bytes - peak_of(result.ledger);
  EXPECT_GE(scratch, 0);
  EXPECT_LT(scratch, batch / 2);
}

TEST(Recompute, APhaseBehindAPlateauIsRefusedBeforeTheRun) {
  TestRun run("mlp", {"plan", {}, {make_phase(0, "head"), make_phase(1, "all")}});
  run.config.train.cache = "off";
  const std::int64_t all = run.train().ledger.phases.at(1).peak_bytes;
  run.config.strategy.phases.at(1) = make_plateau_phase("all");
  run.config.train.eval_every = {Period::Unit::epochs, 1};
  run.config.train.memory = ByteSize{all};
  EXPECT_EQ(run.train().status, RunStatus::ok);
  run.config.train.memory = ByteSize{all - 1};
  bool trained = false;
  EXPECT_THROW(run.train({.progress = [&](const Moment&) { trained = true; }}), InputError);
  EXPECT_FALSE(trained);
}

// A group with batch norm on batch statistics would update them twice.
TEST(Recompute, GroupsThatUpdateBuffersAreLeft) {
  TestRun run = small_run("cnn", "full");
  const std::int64_t peak = peak_of(run.train().ledger);
  run.config.train.recompute = "auto";
  run.config.train.memory = ByteSize{peak - 1};
  EXPECT_THROW(run.train(), InputError);
}

}  // namespace
}  // namespace thaw::test
