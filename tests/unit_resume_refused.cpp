// A run does not go on from what is not its own: other labels, other samples, other weights, damaged files.
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "finetune/run/run_folder.h"
#include "finetune/task/regression.h"
#include "finetune/train/checkpoint.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

struct ResumeRefused : ::testing::Test {
  ResumeRefused() {
    run.config.train.steps = 5;
    run.config.train.checkpoint_every = Period{Period::Unit::steps, 1};
    run.config.train.keep_checkpoints = 2;
    run.train({}, &run_folder);
  }
  std::string refusal() {
    return message_of<InputError>([&] { run.train({}, &run_folder, true); });
  }
  // Updates that the resumed run makes anew.
  std::vector<std::int64_t> resumed() {
    std::vector<std::int64_t> updates;
    messages.clear();
    Trainer::Hooks hooks;
    hooks.progress = [&](const Moment& progress) { updates.push_back(progress.completed); };
    hooks.message = [&](const std::string& text) { messages += text + "\n"; };
    run.train(hooks, &run_folder, true);
    return updates;
  }
  // Changes one byte of the tensors of the checkpoint of that update.
  void damage(int step) const {
    const std::string path =
        run_folder.checkpoints() + "/step-000000000" + std::to_string(step) + ".safetensors";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-10, std::ios::end);
    const int byte = file.get();
    file.seekp(-10, std::ios::end);
    file.put(static_cast<char>(byte ^ 1));
    ASSERT_TRUE(file.good()) << path;
  }

  TestRun run{"mlp", {"full", {}, {}}};
  TemporaryFolder folder;
  RunFolder run_folder{folder.path(), false};
  std::string messages;
};

const char* const kOther = "was made with another config or other data";

TEST_F(ResumeRefused, NotByTheSameRun) {
  EXPECT_EQ(resumed(), std::vector<std::int64_t>{5});
  expect_has(messages, "resumed after 4 of 5 updates");
}

TEST_F(ResumeRefused, OtherLabels) {
  std::swap(run.data.train[0].label, run.data.train[1].label);
  expect_has(refusal(), kOther);
}

TEST_F(ResumeRefused, OtherLabelsOfTheValidationData) {
  Dataset& validation = run.data.validation.edit();
  std::swap(validation[0].label, validation[1].label);
  expect_has(refusal(), kOther);
}

TEST_F(ResumeRefused, OtherValidationData) {
  change_values(run.data.validation.edit(), [](std::vector<float>& values) { values[4] += 1; });
  expect_has(refusal(), kOther);
}

// Dropout follows them.
TEST_F(ResumeRefused, OtherSampleNumbers) {
  run.data.train[0].id = 99;
  expect_has(refusal(), kOther);
}

TEST_F(ResumeRefused, AnotherConfig) {
  run.config.train.lr *= 2;
  expect_has(refusal(), kOther);
}

// What model.init or model.from names may have changed meanwhile.
TEST_F(ResumeRefused, OtherStartingWeights) {
  const std::unique_ptr<Model> model = make_model(run.model_config, {.seed = 9});
  const RunSetup setup = run.setup();
  Trainer trainer(run.config, setup, *model, run.data, {});
  trainer.write_to(run_folder, run.model_config);
  expect_worded(message_of<InputError>([&] { trainer.run(true); }));
}

TEST_F(ResumeRefused, ADamagedCheckpointIsPassedOver) {
  damage(4);
  EXPECT_EQ(resumed(), (std::vector<std::int64_t>{4, 5}));
  expect_has(messages, "is passed over: its checksum is wrong");
  expect_has(messages, "resumed after 3 of 5 updates");
}

TEST_F(ResumeRefused, WithoutAWholeOneTheRunBeginsAnew) {
  damage(3);
  damage(4);
  EXPECT_EQ(resumed(), (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  expect_has(messages, "there is no checkpoint to resume from");
}

TEST(SameConfig, AKeyOfOneSideAloneIsNamed) {
  const auto message = [](const std::string& then, const std::string& now) {
    return message_of<InputError>([&] { check_same_config(then, now, "c.toml"); });
  };
  const std::string with = "[data]\ncorrupt = \"blur\"\nlabel = \"y\"\n", without = "[data]\nlabel = \"y\"\n";
  expect_has(message(with, without),
             "was begun with `corrupt = \"blur\"`, which this config has not (c.toml)");
  expect_has(message(without, with),
             "this config has `corrupt = \"blur\"`, without which the run was begun (c.toml)");
  expect_has(message(with, "[data]\ncorrupt = \"noise\"\nlabel = \"y\"\n"),
             "was begun with `corrupt = \"blur\"`, this config has `corrupt = \"noise\"` (c.toml)");
  expect_has(message(with + "limit = 5\n", with), "`limit = 5`, which this config has not");
}

TEST(ResumeRefusedRegression, OtherTargets) {
  TestRun run("mlp", {"full", {}, {}});
  run.model_config.outputs = 1;
  for (Dataset* part : {&run.data.train, &run.data.validation.edit()}) {
    make_targets_of_labels(*part);
    part->classes.clear();
  }
  run.data.task = &regression();
  run.config.data.task = "regression";
  run.config.train.checkpoint_every = Period{Period::Unit::steps, 1};
  const TemporaryFolder folder;
  RunFolder run_folder(folder.path(), false);
  run.train({}, &run_folder);
  run.data.train[3].target += 0.5;
  expect_has(message_of<InputError>([&] { run.train({}, &run_folder, true); }), kOther);
}

}  // namespace
}  // namespace thaw::test
