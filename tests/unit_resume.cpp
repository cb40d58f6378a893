// Behaviour 7 of those in which fine-tuning programs go wrong: a run that was killed or stopped and goes on
// ends with the bits of one that was left alone, wherever in its plan it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/error.h"
#include "finetune/model/weights_hash.h"
#include "finetune/plan/plan_text.h"
#include "finetune/run/run_folder.h"
#include "finetune/train/checkpoint.h"
#include "finetune/train/trainer.h"
#include "nn/io/safetensors.h"
#include "nn/io/sha256.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Killed {};

// A run that dies after `updates` updates and their checkpoint, and then goes on in another process's place.
RunResult killed_and_resumed(TestRun& run, const std::string& folder, std::int64_t updates) {
  {
    RunFolder first(folder, false);
    Trainer::Hooks hooks;
    hooks.progress = [&](const Moment& progress) {
      if (progress.completed == updates + 1) throw Killed();
    };
    EXPECT_THROW(run.train(hooks, &first), Killed);
  }
  RunFolder again(folder, true);
  return run.train({}, &again, true);
}

void expect_same_run(TestRun& run, const std::vector<std::int64_t>& kills) {
  run.config.train.checkpoint_every = Period{Period::Unit::steps, 1};
  const TemporaryFolder whole;
  RunFolder whole_folder(whole.path(), false);
  const RunResult expected = run.train({}, &whole_folder);
  const std::unique_ptr<Model> model = std::move(run.model);
  for (const std::int64_t kill : kills) {
    SCOPED_TRACE("killed after " + std::to_string(kill));
    const TemporaryFolder parts;
    const RunResult outcome = killed_and_resumed(run, parts.path(), kill);
    EXPECT_EQ(outcome.status, expected.status);
    EXPECT_EQ(outcome.completed, expected.completed);
    EXPECT_EQ(outcome.validation, expected.validation);
    EXPECT_EQ(outcome.peak_bytes, expected.peak_bytes);
    ASSERT_EQ(outcome.proofs.size(), expected.proofs.size());
    for (std::size_t i = 0; i < expected.proofs.size(); ++i)
      EXPECT_EQ(outcome.proofs[i].sha256_end, expected.proofs[i].sha256_end);
    EXPECT_EQ(text_of(parts.path() + "/metrics.jsonl"), text_of(whole.path() + "/metrics.jsonl"));
    expect_same_bits(*run.model, *model);
  }
}

TEST(Behaviour7, ResumingContinuesWithTheSameBits) {
  Phase middle = make_phase(4, "top:1", {{"layers.1", 0.5}});
  middle.rewarmup = 3;
  Phase last = make_phase(6, "all, !layers.1");
  last.state = StatePolicy::drop;
  for (const char* optimizer : {"sgd", "adamw"}) {
    TestRun run("cnn", request_of({make_phase(0, "head"), middle, last}), 0.2);
    run.config.train = harsh_training(run.config.train, optimizer);
    run.config.train.steps = 10;
    run.config.train.schedule = ScheduleKind::cosine;
    run.config.train.clip_norm = 1;
    run.config.train.eval_every = Period{Period::Unit::steps, 2};
    run.config.train.restore_best = true;
    expect_same_run(run, {1, 3, 4, 5, 6, 9});
  }
}

// What is drawn comes from the plan, not from what happened before.
TEST(Behaviour7, ResumingBetweenTheDrawsOfLisa) {
  TestRun run("mlp", {"lisa", {{"middle", 1.0}, {"every", "2 steps"}, {"seed", 3.0}}, {}}, 0.2);
  run.config.train = harsh_training(run.config.train, "adamw");
  std::set<std::string> drawn;
  for (const Phase& phase : run.strategy().plan.phases) drawn.insert(phase.train);
  ASSERT_GT(drawn.size(), 1U);
  expect_same_run(run, {1, 2, 3, 7, 10});
}

// A phase thawed these layers and the next one began before they were warm: they go on warming up.
TEST(Behaviour7, ResumingInAReWarmUpThatOutlivesItsPhase) {
  Phase warming = make_phase(2, "all");
  warming.rewarmup = 8;
  TestRun run("mlp", request_of({make_phase(0, "head"), warming, make_phase(4, "all", {{"layers.0", 0.5}})}),
              0.2);
  run.config.train.lr = 0.05;
  expect_same_run(run, {2, 3, 4, 7});
}

TEST(Behaviour7, ResumingAfterAPlateauBeganAPhase) {
  Phase thaw = make_phase(0, "all");
  thaw.at = parse_phase_start("plateau validation_loss 1");
  TestRun run("mlp", request_of({make_phase(0, "head"), thaw}));
  run.config.train.lr = 1.0;  // so that the loss goes up soon
  run.config.train.eval_every = Period{Period::Unit::steps, 1};
  const RunResult outcome = run.train();
  ASSERT_EQ(outcome.triggers.size(), 1U);
  const std::int64_t began = outcome.triggers[0].step;
  ASSERT_GT(began, 1);
  ASSERT_LT(began, 11);
  expect_same_run(run, {began - 1, began, began + 1});
}

TEST(Behaviour7, ResumingARunThatHadStoppedEarly) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.lr = 1.0;
  run.config.train.eval_every = run.config.train.checkpoint_every = Period{Period::Unit::steps, 1};
  run.config.train.early_stopping_patience = 2;
  const RunResult expected = run.train();
  const std::unique_ptr<Model> model = std::move(run.model);
  ASSERT_LT(expected.completed, 12);
  const TemporaryFolder folder;
  {
    RunFolder first(folder.path(), false);
    Trainer::Hooks hooks;
    hooks.message = [](const std::string& text) {
      if (text.rfind("stopped early", 0) == 0) throw Killed();
    };
    EXPECT_THROW(run.train(hooks, &first), Killed);
  }
  RunFolder again(folder.path(), true);
  const RunResult outcome = run.train({}, &again, true);
  EXPECT_EQ(outcome.completed, expected.completed);
  EXPECT_EQ(outcome.validation, expected.validation);
  expect_same_bits(*run.model, *model);
}

TEST(Behaviour7, ASignalSavesAndTheRunGoesOnFromThere) {
  TestRun run("cnn", request_of({make_phase(0, "head"), make_phase(4, "all")}));
  run.train();
  const std::unique_ptr<Model> expected = std::move(run.model);
  const TemporaryFolder folder;
  RunFolder run_folder(folder.path(), false);
  Trainer::Hooks hooks;
  StopToken stop;
  hooks.stop = &stop;
  hooks.progress = [&](const Moment& progress) {
    if (progress.completed == 5) stop.request(SIGINT);
  };
  const RunResult stopped = run.train(hooks, &run_folder);
  EXPECT_EQ(stopped.status, RunStatus::interrupted);
  EXPECT_EQ(stopped.completed, 5);
  EXPECT_EQ(run.train({}, &run_folder, true).status, RunStatus::ok);
  expect_same_bits(*run.model, *expected);
}

// The one checkpoint of a run with its state changed, and the checksum made anew.
void change_state(const std::string& path, const std::function<void(nlohmann::ordered_json&)>& change) {
  NamedTensors tensors;
  std::map<std::string, std::string> metadata;
  {
    const SafetensorsFile file(path);
    for (const SafetensorsEntry& entry : file.entries())
      tensors.emplace_back(entry.name, file.load(entry.name));
    metadata = file.metadata();
  }
  auto all = nlohmann::ordered_json::parse(metadata.at("state"));
  change(all.at("run"));
  metadata["state"] = all.dump();
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Sha256 hash;
  for (const auto& [name, tensor] : tensors) add_tensor(hash, name, tensor);
  hash.update(metadata.at("state"));
  metadata["sha256"] = hash.hex();
  save_safetensors(path, tensors, metadata);
}

TEST(Behaviour7, ACheckpointThatHoldsNonsenseIsRefused) {
  using Json = nlohmann::ordered_json;
  const std::vector<std::function<void(Json&)>> changes = {
      [](Json& run) { run["result"]["completed"] = 0; },
      [](Json& run) { run["result"]["completed"] = -5; },
      [](Json& run) { run["result"]["completed"] = "many"; },
      [](Json& run) { run["best_step"] = 1000; },
      [](Json& run) { run["metrics_bytes"] = -1; },
      [](Json& run) { run["phase_began"] = -3; },
      [](Json& run) { run["result"].erase("triggers"); },
      [](Json& run) { run["result"] = "{"; },
      [](Json& run) { run["result"]["proofs"] = Json::array(); },
      [](Json& run) { run["result"]["ledger"][0]["groups"] = Json::array(); },
      [](Json& run) { run["result"]["ledger"][0]["cost"][0].erase(0); },
  };
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.checkpoint_every = Period{Period::Unit::steps, 1};
  run.config.train.keep_checkpoints = 1;
  const TemporaryFolder folder;
  RunFolder run_folder(folder.path(), false);
  run.train({}, &run_folder);
  const std::string path = find_checkpoint(run_folder.checkpoints()).value().path;
  const std::string whole = text_of(path);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    std::ofstream(path, std::ios::binary) << whole;
    change_state(path, changes[i]);
    const std::string message = message_of<InputError>([&] { run.train({}, &run_folder, true); });
    EXPECT_NE(message.find("the checkpoint " + path + " holds what no run saves"), std::string::npos)
        << "change " << i << ": " << message;
  }
  std::ofstream(path, std::ios::binary) << whole;
  EXPECT_EQ(run.train({}, &run_folder, true).status, RunStatus::ok);
}

TEST(Behaviour7, ACheckpointOfAnotherRunIsRefused) {
  TestRun run("mlp", {"full", {}, {}});
  run.config.train.checkpoint_every = Period{Period::Unit::steps, 1};
  const TemporaryFolder folder;
  RunFolder run_folder(folder.path(), false);
  run.train({}, &run_folder);
  set_value(run.data.train, 0, 77);
  EXPECT_THROW(run.train({}, &run_folder, true), InputError);
}

}  // namespace
}  // namespace thaw::test
