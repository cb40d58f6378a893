// Passes that take frozen stages from the prefix cache have the bits of whole passes, whatever has changed since an entry
// was made.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/cache/prefix_cache.h"
#include "finetune/data/texts.h"
#include "finetune/model/weights_hash.h"
#include "finetune/train/prefix_setup.h"
#include "finetune/train/step.h"
#include "nn/layers/dropout.h"
#include "nn/layers/norm.h"
#include "nn/models/registry.h"
#include "tests/support/datasets.h"
#include "tests/support/made_sounds.h"
#include "tests/support/small_models.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

using Rows = std::vector<std::int64_t>;

// Samples with numbers drawn from `seed`, or texts or sounds of several lengths.
Dataset samples_for(const ModelConfig& config, std::int64_t count, std::uint64_t seed) {
  if (config.decoder.writes) return made_dictation(config, count, seed);
  if (config.pools_places) return made_sound_classes(config, count, seed);
  if (takes_sound(config)) return made_sounds(config, count, seed);
  if (!takes_text(config)) return make_clusters(config.sample_shape, count, seed);
  Dataset data;
  std::vector<Text> texts;
  const RandomKey key = random_key(seed, "texts");
  for (std::int64_t i = 0; i < count; ++i) {
    texts.push_back({"", ""});
    const auto length =
        static_cast<std::int64_t>(random_below(key, static_cast<std::uint64_t>(100 * i), 30)) + 1;
    for (std::int64_t j = 0; j < length; ++j)
      texts.back().tokens.push_back(
          2 + static_cast<std::int64_t>(random_below(key, static_cast<std::uint64_t>(100 * i + j + 1), 18)));
    data.samples.push_back({i});
  }
  data.inputs = std::make_shared<Texts>(std::move(texts));
  return data;
}

void freeze_groups(Model& model, int groups) {
  for (const ParameterPtr& parameter : model.parameters())
    parameter->set_requires_grad(parameter->group >= groups);
  const auto of_group = [&](const Module* module) { return model.group_of(module->path()); };
  for (Module* module : model.modules()) {
    const bool frozen = of_group(module) >= 0 && of_group(module) < groups;
    if (auto* dropout = dynamic_cast<Dropout*>(module)) dropout->set_active(!frozen);
    if (auto* norm = dynamic_cast<BatchNorm*>(module)) {
      norm->set_batch_statistics(!frozen);
      norm->set_update_statistics(!frozen);
    }
  }
}

struct PrefixCacheOf : ::testing::TestWithParam<std::string> {
  PrefixCacheOf() : config(small_model(GetParam())), model(make_model(config, {.seed = 3})) {}

  std::vector<double> whole(const Rows& rows) const {
    const NoGrad no_grad;
    return model->forward(input_of(data, rows)).to_vector();
  }
  std::vector<double> cached(PrefixCache& cache, const Rows& rows) const {
    const NoGrad no_grad;
    return cache.forward(data, rows).to_vector();
  }

  ModelConfig config;
  std::unique_ptr<Model> model;
  Dataset data = samples_for(config, 24, 5);
  PrefixStore store{{1 << 24, 0}, "", nullptr};
};

TEST_P(PrefixCacheOf, EveryPrefixGivesTheBitsOfAWholePass) {
  model->train(false);
  for (int stages = 0; stages <= model->stages(); ++stages) {
    freeze_groups(*model, std::min(stages, model->head()));
    if (stages == model->stages()) freeze_groups(*model, model->head() + 1);
    PrefixCache cache(*model, "", "", store);
    cache.use({}, {stages, {1, 2}});
    for (const Rows& rows :
         {Rows{3, 1, 2}, Rows{0, 1, 2, 3, 4, 5}, Rows{7, 7, 3}, Rows{11}, Rows{4, 2, 9, 11, 23}}) {
      EXPECT_EQ(cached(cache, rows), whole(rows)) << stages << " stages";
      EXPECT_EQ(cached(cache, rows), whole(rows)) << stages << " stages, again";
    }
  }
}

// Anything that changes what a stage gives, in the order of a seed: weights, samples, switches, the cut itself; with the
// cache told of it (use) or not. A stale entry would be another number.
TEST_P(PrefixCacheOf, NothingStaleIsServed) {
  const RandomKey key = random_key(11, "stale" + GetParam());
  std::uint64_t draw = 0;
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random_below(key, draw++, n)); };
  auto cache = std::make_unique<PrefixCache>(*model, "", "", store);
  int frozen = 0;
  std::int64_t served = 0;
  const auto recut = [&] {
    frozen = static_cast<int>(below(static_cast<std::uint64_t>(model->stages()) + 1));
    freeze_groups(*model, frozen == model->stages() ? model->head() + 1 : frozen);
    std::vector<int> kept;
    for (int stages = 1; stages < frozen; ++stages)
      if (below(2) == 0) kept.push_back(stages);
    cache->use({frozen, kept}, {frozen, kept});
  };
  const std::vector<ParameterPtr> parameters = model->parameters();
  const std::vector<BufferPtr> buffers = model->buffers();
  for (int step = 0; step < 1000; ++step) {
    switch (below(8)) {
      case 0:
        recut();
        break;
      case 1: {  // a weight, as when a snapshot is restored
        const NoGrad no_grad;
        Tensor weight = parameters[static_cast<std::size_t>(below(parameters.size()))]->tensor;
        kernels::copy(weight, weight.detach() * 1.5 + 0.01);
        break;
      }
      case 2:  // running statistics
        if (!buffers.empty()) {
          const NoGrad no_grad;
          Tensor buffer = buffers[static_cast<std::size_t>(below(buffers.size()))]->tensor;
          if (is_floating(buffer.dtype())) kernels::copy(buffer, buffer * 1.25 + 0.5);
        }
        break;
      case 3:  // other samples under the same row numbers
        data = samples_for(config, 24, static_cast<std::uint64_t>(below(4)));
        break;
      case 4:  // another run
        cache = std::make_unique<PrefixCache>(*model, "", "", store);
        recut();
        break;
      case 5:
        model->train(below(2) == 0);
        break;
      default:
        break;
    }
    Rows rows;
    for (std::int64_t i = below(6) + 1; i > 0; --i) rows.push_back(below(24));
    const bool draws = model->training() && frozen < model->stages();
    if (draws) continue;  // what is not frozen draws or counts batches: the two passes would differ by that
    ASSERT_EQ(cached(*cache, rows), whole(rows)) << "step " << step << ", " << frozen << " stages";
    ++served;
  }
  EXPECT_GT(served, 400);
}

// In training a constant prefix needs no gradient, and what is above it gets the one of a whole pass.
TEST_P(PrefixCacheOf, GradientsAboveItAreThoseOfAWholePass) {
  for (int groups = 1; groups <= model->head(); ++groups) {
    freeze_groups(*model, groups);
    model->train(true);
    for (Module* module : model->modules())
      if (auto* norm = dynamic_cast<BatchNorm*>(module)) norm->set_update_statistics(false);
    PrefixCache cache(*model, "", "", store);
    cache.use({groups, {}}, {});
    const Rows rows{3, 1, 4, 15, 9, 2};
    const auto gradients = [&](const Tensor& outputs) {
      sum(square(outputs)).backward();
      std::vector<std::vector<double>> all;
      for (const ParameterPtr& parameter : model->parameters()) {
        const Tensor gradient = parameter->tensor.grad();
        all.push_back(gradient.defined() ? gradient.to_vector() : std::vector<double>{});
        parameter->tensor.clear_grad();
      }
      return all;
    };
    const RandomScope random({1, 2, 3, without_input(data, rows).ids});
    const auto expected = gradients(model->forward(input_of(data, rows)));
    EXPECT_EQ(gradients(cache.forward(data, rows)), expected) << groups;
    EXPECT_EQ(gradients(cache.forward(data, rows)), expected) << groups << ", again";
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PrefixCacheOf, ::testing::ValuesIn(all_small_models()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Of the same weights another network is another prefix.
TEST(NetworkText, HoldsAllThatDecidesWhatStagesCompute) {
  const ModelConfig config = small_model("bert");
  const std::string text = network_text(config, std::nullopt);
  const auto with = [&](const std::function<void(ModelConfig&)>& change) {
    ModelConfig changed = config;
    change(changed);
    return network_text(changed, std::nullopt);
  };
  using Change = std::function<void(ModelConfig&)>;
  const std::vector<Change> changes = {
      [](ModelConfig& c) { c.architecture = "roberta"; },
      [](ModelConfig& c) { c.sample_shape = {3}; },
      [](ModelConfig& c) {
        c.hidden = {9, 8};
      },
      [](ModelConfig& c) { c.activation = "tanh"; },
      [](ModelConfig& c) { c.width = 5; },
      [](ModelConfig& c) { c.depth = 1; },
      [](ModelConfig& c) { c.transformer.positions = 41; },
      [](ModelConfig& c) { c.transformer.pad_id = 1; },
      [](ModelConfig& c) { c.transformer.first_position = 2; },
      [](ModelConfig& c) { c.transformer.patch_size = 3; },
      [](ModelConfig& c) { c.transformer.heads = 4; },
      [](ModelConfig& c) { c.transformer.activation = "relu"; },
      [](ModelConfig& c) { c.transformer.layer_norm_eps = 1e-6; },
      [](ModelConfig& c) { c.transformer.pooling = "mean"; },
      [](ModelConfig& c) { c.pools_places = true; },
      [](ModelConfig& c) { c.adapters = BottleneckConfig{}; },
  };
  std::set<std::string> texts{text};
  for (std::size_t i = 0; i < changes.size(); ++i) EXPECT_TRUE(texts.insert(with(changes[i])).second) << i;
  EXPECT_EQ(with([](ModelConfig& c) { c.outputs = 7; }), text) << "of the last layer alone";
  EXPECT_EQ(with([](ModelConfig& c) { c.labels = {"a", "b"}; }), text);
  EXPECT_EQ(with([](ModelConfig& c) { set_dropout(c, 0.3); }), text) << "off in what is kept";
  AdapterSpec lora{LoraOptions{}, {}, {}};
  const std::string with_lora = network_text(config, lora);
  EXPECT_NE(with_lora, text);
  std::get<LoraOptions>(lora.layer).alpha = 16;
  EXPECT_NE(network_text(config, lora), with_lora);
}

// ---- what is constant

TEST(ConstantPrefix, EndsWhereSomethingTrainsDrawsOrCounts) {
  const auto model = make_model(small_model("cnn"), {.seed = 1});
  freeze_groups(*model, 2);
  ConstantPrefix found = constant_prefix(*model, true);
  EXPECT_EQ(found.stages, 2);
  EXPECT_EQ(found.end, EndOfPrefix::trains);
  EXPECT_EQ(model->group_of(found.ended_by), 2) << found.ended_by;
  for (Module* module : model->modules())
    if (auto* norm = dynamic_cast<BatchNorm*>(module); norm != nullptr && model->group_of(norm->path()) == 1)
      norm->set_batch_statistics(true);
  found = constant_prefix(*model, true);
  EXPECT_EQ(found.stages, 1);
  EXPECT_EQ(found.end, EndOfPrefix::mixes);
  EXPECT_EQ(constant_prefix(*model, false).stages, 2) << "evaluation normalises by what was counted";
  for (Module* module : model->modules())
    if (auto* norm = dynamic_cast<BatchNorm*>(module); norm != nullptr && model->group_of(norm->path()) == 0)
      norm->set_update_statistics(true);
  EXPECT_EQ(constant_prefix(*model, true).stages, 0);
  EXPECT_EQ(constant_prefix(*model, false).stages, 0) << "which moves from evaluation to evaluation";
  EXPECT_EQ(constant_prefix(*model, false).end, EndOfPrefix::updates);
}

TEST(ConstantPrefix, DropoutEndsItInTrainingAlone) {
  ModelConfig config = small_model("bert");
  set_dropout(config, 0.1);
  const auto model = make_model(config, {.seed = 1});
  freeze_groups(*model, model->head());
  EXPECT_EQ(constant_prefix(*model, true).stages, model->stages());
  for (Module* module : model->modules())
    if (auto* dropout = dynamic_cast<Dropout*>(module)) dropout->set_active(true);
  const ConstantPrefix found = constant_prefix(*model, true);
  EXPECT_EQ(found.stages, 0);
  EXPECT_EQ(found.end, EndOfPrefix::draws);
  EXPECT_EQ(found.ended_by, "embeddings.dropout");
  EXPECT_EQ(constant_prefix(*model, false).stages, model->stages());
}

// ---- whole runs

struct PrefixRun {
  std::string architecture, strategy;
};

// Networks for which it pays.
TestRun big_run(const PrefixRun& what, double dropout) {
  TestRun run(what.architecture, with_places({what.strategy, {}, {}}, what.architecture), dropout);
  run.model_config.hidden = {300, 300, 200};
  run.model_config.width = 32;
  run.config.train.steps = 21;  // 7 epochs
  run.config.train.eval_every = {Period::Unit::epochs, 1};
  return run;
}

TEST(PrefixRuns, EveryStrategyHasTheBitsOfARunWithoutCache) {
  int used = 0;
  for (const StrategySpec& spec : strategies())
    for (const char* architecture : {"mlp", "cnn"})
      for (const double dropout : {0.0, 0.2})
        for (const char* off : {"keep", "off"}) {
          const std::string& strategy = spec.name;
          const bool is_nowhere = strategy == "adapter" && std::string(architecture) == "cnn";
          if (strategy == "plan" || is_nowhere || (dropout == 0 && off == std::string("off"))) continue;
          TestRun run = big_run({architecture, strategy}, dropout);
          run.config.strategy.options["frozen_dropout"] = std::string(off);
          const RunResult with = run.train();
          const std::string weights = hash_of_weights(*run.model);
          for (const LedgerPhase& row : with.ledger.phases) used += row.prefix.training.stages > 0 ? 1 : 0;
          run.config.train.cache = "off";
          const RunResult without = run.train();
          EXPECT_EQ(hash_of_weights(*run.model), weights)
              << strategy << ' ' << architecture << ' ' << dropout << ' ' << off;
          ASSERT_EQ(with.evaluations.size(), without.evaluations.size());
          for (std::size_t i = 0; i < with.evaluations.size(); ++i)
            EXPECT_EQ(with.evaluations[i].metrics, without.evaluations[i].metrics) << strategy;
          EXPECT_LE(with.flops, without.flops) << strategy;
        }
  EXPECT_GT(used, 30);
}

}  // namespace
}  // namespace thaw::test
