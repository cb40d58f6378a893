// The rows of the config table for [train]. What is a number of the optimizer, the schedule or the loss is
// held against PyTorch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "tests/support/config_table.h"

namespace thaw::test {
namespace {

using Runs = std::vector<ConfigRun>;
using Steps = std::vector<std::int64_t>;
using Strings = std::vector<std::string>;

Steps steps_of(const std::vector<nlohmann::json>& lines) {
  Steps steps;
  for (const nlohmann::json& line : lines) steps.push_back(line.at("step"));
  return steps;
}

std::vector<double> evaluated(const ConfigRun& run, const char* metric) {
  std::vector<double> values;
  for (const nlohmann::json& line : run.evaluations) values.push_back(line.at(metric));
  return values;
}

// At this learning rate no weight changes a bit.
const char* const kStill = "train.lr=1e-30";

KeyRow shuffle() {
  const Settings with = {kStill, "train.epochs=2", "data.validation_fraction=0"};
  return train_row("train.shuffle", {"false", "true"}, small_table(), with,
                   [](const Runs& runs, const Again&) {
                     std::vector<std::vector<double>> first, second;
                     for (const ConfigRun& run : runs) {
                       const std::vector<double> losses = run.losses();
                       ASSERT_EQ(losses.size(), 10u) << run.error;
                       first.emplace_back(losses.begin(), losses.begin() + 5);
                       second.emplace_back(losses.begin() + 5, losses.end());
                     }
                     EXPECT_EQ(first[0], second[0]);
                     EXPECT_NE(first[1], first[0]);
                     EXPECT_NE(first[1], second[1]) << "anew in each epoch";
                     const auto sum = [](const std::vector<double>& losses) {
                       return std::accumulate(losses.begin(), losses.end(), 0.0);
                     };
                     // Every sample once an epoch, whatever the order.
                     EXPECT_NEAR(sum(first[1]), sum(first[0]), 1e-5);
                     EXPECT_NEAR(sum(second[1]), sum(first[0]), 1e-5);
                   });
}

KeyRow precision() {
  return train_row("train.precision", {"", "\"fp32\"", "\"bf16\""}, small_table(), {},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[1].error, "");
                     EXPECT_EQ(runs[1].weights, runs[0].weights);
                     EXPECT_NE(runs[2].error.find("not in this version"), std::string::npos) << runs[2].error;
                   });
}

// Of a network whose frozen layers are worth it.
const Settings kFrozenLayers = {"strategy.name=head", "model.hidden=[512, 512]", "train.epochs=3"};

bool takes_from_cache(const ConfigRun& run) {
  const auto ledger = nlohmann::json::parse(file_text(run.folder + "/ledger.json"));
  return !ledger.at("phases").at(0).at("prefix").at("up_to").is_null();
}

KeyRow cache() {
  return train_row("train.cache", {"\"auto\"", "\"off\"", "\"on\""}, small_table(), kFrozenLayers,
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].error, "");
                     EXPECT_TRUE(takes_from_cache(runs[0]));
                     EXPECT_FALSE(takes_from_cache(runs[1]));
                     EXPECT_EQ(runs[1].weights, runs[0].weights);
                     EXPECT_EQ(runs[1].losses(), runs[0].losses());
                     EXPECT_NE(runs[2].error.find("train.cache"), std::string::npos) << runs[2].error;
                   });
}

KeyRow cache_limit(const std::string& key) {
  return train_row(key, {"", "\"0B\"", "\"40 kB\"", "\"1.5MiB\"", "\"2 apples\"", "\"-1GB\""}, small_table(),
                   kFrozenLayers, [key](const Runs& runs, const Again&) {
                     for (std::size_t i = 0; i < 4; ++i) {
                       EXPECT_EQ(runs[i].error, "");
                       EXPECT_EQ(runs[i].weights, runs[0].weights);
                     }
                     EXPECT_NE(file_text(runs[3].folder + "/config.toml").find("1572864B"),
                               std::string::npos);
                     for (std::size_t i = 4; i < 6; ++i)
                       EXPECT_NE(runs[i].error.find(key), std::string::npos) << runs[i].error;
                   });
}

// GELU's input is what backward can compute again.
const Settings kManyLayers = {"model.hidden=[6, 6, 6, 6, 6, 6, 6, 6]", "model.activation=gelu",
                              "train.optimizer=sgd", "train.batch_size=0", "train.epochs=3"};

KeyRow recompute() {
  return train_row("train.recompute", {"\"off\"", "\"auto\"", "\"on\""}, small_table(),
                   kManyLayers + Settings{"train.memory=1GB"}, [](const Runs& runs, const Again& again) {
                     EXPECT_EQ(runs[0].error, "");
                     EXPECT_EQ(runs[1].error, "");
                     EXPECT_EQ(runs[1].weights, runs[0].weights);
                     EXPECT_NE(runs[2].error.find("train.recompute"), std::string::npos) << runs[2].error;
                     const auto ledger = nlohmann::json::parse(file_text(runs[0].folder + "/ledger.json"));
                     const std::int64_t peak = ledger.at("phases").at(0).at("peak_bytes_at_most");
                     const std::string less = concat("train.memory=\"", peak - 1, "B\"");
                     const auto off = again(kManyLayers + Settings{less});
                     EXPECT_NE(off.error.find("train.memory"), std::string::npos) << off.error;
                     const auto with = again(kManyLayers + Settings{less, "train.recompute=auto"});
                     EXPECT_EQ(with.error, "");
                     EXPECT_EQ(with.weights, runs[0].weights);
                   });
}

KeyRow memory_limit() {
  return train_row("train.memory", {"", "\"1GB\"", "\"10 kB\"", "\"2 apples\""}, small_table(), kManyLayers,
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].error, "");
                     EXPECT_EQ(runs[1].error, "");
                     EXPECT_EQ(runs[1].weights, runs[0].weights);
                     for (std::size_t i = 2; i < 4; ++i)
                       EXPECT_NE(runs[i].error.find("train.memory"), std::string::npos) << runs[i].error;
                   });
}

KeyRow eval_every() {
  return train_row("train.eval_every",
                   {"\"2 steps\"", "\"never\"", "\"1 epoch\"", "\"0.4 epochs\"", "\"3 steps\""},
                   small_table(), {"train.steps=7"}, [](const Runs& runs, const Again&) {
                     EXPECT_EQ(steps_of(runs[0].evaluations), (Steps{2, 4, 6, 7}));
                     EXPECT_EQ(steps_of(runs[1].evaluations), Steps{7}) << "the last one is always made";
                     EXPECT_EQ(steps_of(runs[2].evaluations), (Steps{4, 7}));
                     EXPECT_EQ(steps_of(runs[3].evaluations), (Steps{2, 4, 6, 7}));
                     EXPECT_EQ(steps_of(runs[4].evaluations), (Steps{3, 6, 7}));
                   });
}

Strings checkpoints(const Steps& steps) {
  Strings names;
  for (const std::int64_t step : steps)
    names.push_back("step-000000000" + std::to_string(step) + ".safetensors");
  return names;
}

KeyRow checkpoint_every() {
  return train_row("train.checkpoint_every", {"\"2 steps\"", "\"never\"", "\"1 epoch\""}, small_table(),
                   {"train.steps=7", "train.keep_checkpoints=9"}, [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].files_in("checkpoints"), checkpoints({2, 4, 6}));
                     EXPECT_EQ(runs[1].files_in("checkpoints"), Strings{});
                     EXPECT_EQ(runs[2].files_in("checkpoints"), checkpoints({4}));
                   });
}

KeyRow keep_checkpoints() {
  return train_row("train.keep_checkpoints", {"1", "", "3"}, small_table(),
                   {"train.steps=7", "train.checkpoint_every=\"1 steps\""},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].files_in("checkpoints"), checkpoints({6}));
                     EXPECT_EQ(runs[1].files_in("checkpoints"), checkpoints({5, 6}));
                     EXPECT_EQ(runs[2].files_in("checkpoints"), checkpoints({4, 5, 6}));
                   });
}

// Rates at which the validation loss goes down and then up.
const Settings kOverfits = {"train.steps=12", "train.lr=0.3", "train.eval_every=\"1 steps\""};

KeyRow restore_best() {
  return train_row("train.restore_best", {"false", "true"}, small_table(), kOverfits,
                   [](const Runs& runs, const Again& again) {
                     const std::vector<double> losses = evaluated(runs[0], "loss");
                     const auto best = std::min_element(losses.begin(), losses.end());
                     const auto step = best - losses.begin() + 1;
                     ASSERT_LT(step, 12) << "or this shows nothing";
                     EXPECT_EQ(runs[0].report.at("kept_update"), 12);
                     EXPECT_EQ(runs[0].validation("loss"), losses.back());
                     EXPECT_EQ(evaluated(runs[1], "loss"), losses) << "the run goes on to its end";
                     EXPECT_EQ(runs[1].report.at("kept_update"), step);
                     EXPECT_EQ(runs[1].validation("loss"), *best);
                     const Settings until = {"train.steps=" + std::to_string(step)};
                     EXPECT_EQ(runs[1].weights, again(until).weights);
                   });
}

// A tie is not better: where nothing changes, the first evaluation stays the best.
KeyRow early_stopping_patience() {
  return train_row("train.early_stopping_patience", {"0", "2", "4"}, small_table(),
                   {kStill, "train.steps=9", "train.eval_every=\"1 steps\""},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].updates.size(), 9u);
                     EXPECT_EQ(runs[1].updates.size(), 3u);
                     EXPECT_EQ(runs[2].updates.size(), 5u);
                   });
}

KeyRow monitor() {
  const Strings values = {"\"validation_loss\"", "\"validation_accuracy\"",
                          "\"validation_calibration_error\""};
  return train_row("train.monitor", values, small_table(), kOverfits + Settings{"train.restore_best=true"},
                   [](const Runs& runs, const Again&) {
                     const std::vector<double> loss = evaluated(runs[0], "loss"),
                                               accuracy = evaluated(runs[1], "accuracy"),
                                               error = evaluated(runs[2], "calibration_error");
                     const auto step = [](const std::vector<double>& of, auto best) {
                       return best(of.begin(), of.end()) - of.begin() + 1;
                     };
                     using At = std::vector<double>::const_iterator;
                     const std::int64_t of_loss = step(loss, std::min_element<At>),
                                        of_accuracy = step(accuracy, std::max_element<At>),
                                        of_error = step(error, std::min_element<At>);
                     EXPECT_EQ(runs[0].report.at("kept_update"), of_loss);
                     EXPECT_EQ(runs[1].report.at("kept_update"), of_accuracy) << "the first of those as good";
                     EXPECT_EQ(runs[2].report.at("kept_update"), of_error);
                     EXPECT_NE(of_loss, of_accuracy) << "or this shows nothing";
                     EXPECT_NE(of_loss, of_error) << "or this shows nothing";
                   });
}

// The second batch of an epoch overflows.
Setup table_with_a_bad_batch() {
  Setup setup = small_table();
  std::string csv = "a,b,c,label\n";
  for (int i = 0; i < 16; ++i)
    csv += std::string(i == 9       ? "3e38,3e38,3e38"
                       : i % 2 == 0 ? "1,0.5,-1"
                                    : "-1,2,0.25") +
           (i % 2 == 0 ? ",x\n" : ",y\n");
  setup.files["t.csv"] = csv;
  setup.files["good.csv"] = "a,b,c,label\n1,0.5,-1,x\n-1,2,0.25,y\n";
  return setup;
}

KeyRow nan() {
  const Settings with = {"model.hidden=[64]", "train.shuffle=false", "data.validation=good.csv",
                         "data.standardize=false"};
  return train_row("train.nan", {"\"stop\"", "\"skip\"", "\"rollback\""}, table_with_a_bad_batch(), with,
                   [](const Runs& runs, const Again& again) {
                     EXPECT_EQ(runs[0].report.at("status"), "diverged");
                     EXPECT_EQ(runs[0].report.at("updates"), 1);
                     EXPECT_TRUE(runs[0].weights.empty()) << "weights that diverged are no model";
                     EXPECT_EQ(runs[1].report.at("skipped_updates"), 1);
                     EXPECT_EQ(runs[1].weights, again({"train.steps=1"}).weights);
                     EXPECT_EQ(runs[2].report.at("rollbacks"), 1);
                     EXPECT_EQ(runs[2].weights, again({"train.epochs=0"}).weights) << "the phase's beginning";
                     EXPECT_NE(runs[2].weights, runs[1].weights);
                   });
}

KeyRow seed() {
  return train_row(
      "train.seed", {"0", "1", "0"}, small_table(), {}, [](const Runs& runs, const Again& again) {
        EXPECT_EQ(runs[2].weights, runs[0].weights);
        const ConfigRun first = again({"train.epochs=0"}), second = again({"train.seed=1", "train.epochs=0"});
        EXPECT_NE(first.weights, second.weights) << "of initialisation";
        // From the same weights the first batch differs.
        const Settings init = {"model.init=" + first.folder + "/model.safetensors"};
        EXPECT_NE(again(init).losses(), again(init + Settings{"train.seed=1"}).losses()) << "of the order";
        // Drawn samples stand in the order of the file, so that one batch of all shows which they are.
        const Settings draw = init + Settings{"data.limit=6", "train.batch_size=0", "train.shuffle=false"};
        EXPECT_NE(again(draw).losses(), again(draw + Settings{"train.seed=1"}).losses())
            << "of drawn samples";
        // What is split off is data.split_seed's: without an update the same loss on it.
        EXPECT_EQ(again(init + Settings{"train.epochs=0"}).validation("loss"),
                  again(init + Settings{"train.epochs=0", "train.seed=1"}).validation("loss"));
      });
}

}  // namespace

std::vector<KeyRow> train_key_rows() {
  std::vector<KeyRow> rows = {shuffle(),
                              precision(),
                              cache(),
                              cache_limit("train.cache_memory"),
                              cache_limit("train.cache_disk"),
                              recompute(),
                              memory_limit(),
                              eval_every(),
                              checkpoint_every(),
                              keep_checkpoints(),
                              restore_best(),
                              early_stopping_patience(),
                              monitor(),
                              nan(),
                              seed()};
  for (const char* key :
       {"train.epochs", "train.steps", "train.batch_size", "train.accumulation", "train.optimizer",
        "train.betas", "train.eps", "train.weight_decay", "train.momentum", "train.dampening",
        "train.nesterov", "train.no_decay", "train.lr", "train.schedule", "train.warmup_steps",
        "train.warmup_fraction", "train.clip_norm", "train.label_smoothing", "train.class_weight"})
    rows.push_back(golden_row(key));
  return rows;
}

}  // namespace thaw::test
