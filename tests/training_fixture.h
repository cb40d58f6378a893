// A small task, made up from a seed, and what tests of training do with it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/model/model_folder.h"
#include "finetune/plan/adapters.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/run_folder.h"
#include "finetune/train/trainer.h"
#include "nn/io/safetensors.h"
#include "nn/io/weight_files.h"
#include "tests/plan_fixture.h"
#include "tests/support/choices.h"
#include "tests/support/compare.h"
#include "tests/support/datasets.h"

namespace thaw::test {

// Noisy points around one centre per class.
inline Dataset make_clusters(const std::vector<std::int64_t>& sample_shape, std::int64_t samples,
                             std::uint64_t seed) {
  constexpr std::int64_t kClasses = 3;
  const std::int64_t size = Shape(sample_shape).numel();
  const Tensor centres = randn({kClasses, size}, random_key(1, "centres"));
  const Tensor noise = randn({samples, size}, random_key(seed, "noise"));
  std::vector<std::int64_t> labels;
  std::vector<float> values;
  for (std::int64_t i = 0; i < samples; ++i) {
    labels.push_back(i % kClasses);
    for (std::int64_t j = 0; j < size; ++j)
      values.push_back(std::as_const(centres).data<float>()[i % kClasses * size + j] +
                       std::as_const(noise).data<float>()[i * size + j]);
  }
  Dataset data = number_samples(sample_shape, std::move(values));
  set_labels(data, labels);
  data.classes = {"a", "b", "c"};
  return data;
}

// A run without a config file: change `config`, `data` or `model_config`, then train().
class TestRun {
 public:
  TestRun(const std::string& architecture, StrategyRequest strategy, double dropout = 0) {
    config.strategy = std::move(strategy);
    config.train.steps = 12;
    config.train.batch_size = 8;
    config.train.eval_every = config.train.checkpoint_every = Period{};
    model_config.architecture = architecture;
    model_config.dropout = dropout;
    if (architecture == "mlp") model_config.hidden = {8, 7, 5};
    model_config.width = 4;
    model_config.depth = 2;
    model_config.sample_shape =
        architecture == "mlp" ? std::vector<std::int64_t>{6} : std::vector<std::int64_t>{2, 6, 6};
    model_config.outputs = 3;
    data.train = make_clusters(model_config.sample_shape, 24, 2);
    data.validation = make_clusters(model_config.sample_shape, 12, 3);
  }

  // A fresh model with the weights that every train() starts from.
  std::unique_ptr<Model> make() const {
    auto fresh = make_model(model_config, {.seed = config.train.seed});
    if (const Strategy chosen = strategy(); chosen.adapters)
      attach_adapters(*fresh, *chosen.adapters, config.train.seed);
    return fresh;
  }

  Strategy strategy() const {
    return make_strategy(config.strategy, describe(*make_model(model_config, {.device = kMeta})),
                         run_length(config.train, data));
  }

  RunResult train(const Trainer::Hooks& hooks = {}, RunFolder* folder = nullptr, bool resume = false) {
    model = make();
    const RunSetup chosen = setup();
    Trainer trainer(config, chosen, *model, data, hooks);
    if (folder != nullptr) trainer.write_to(*folder, model_config);
    return trainer.run(resume);
  }

  RunSetup setup() const { return set_up_run(config, strategy(), model_config, data); }

  Batch batch() const {
    return make_batch(data.train, BatchPlan(data.train.size(), 0, 1, false, 0).update(0).front());
  }

  Config config;
  PreparedData data;
  ModelConfig model_config;
  std::unique_ptr<Model> model;  // of the last train()
};

// Rates and decay at which anything that is updated by mistake shows.
inline TrainSection harsh_training(TrainSection train, const std::string& optimizer) {
  train.optimizer = choice_named<OptimizerKind>(optimizer);
  train.lr = 0.05;
  train.weight_decay = 0.1;
  if (optimizer == "sgd") {
    train.momentum = 0.9;
    train.nesterov = true;
  }
  return train;
}

inline Phase make_phase(std::int64_t step, const std::string& train,
                        std::map<std::string, double> lr_mult = {}) {
  Phase phase;
  phase.at.amount = static_cast<double>(step);
  phase.train = train;
  phase.lr_mult = std::move(lr_mult);
  return phase;
}

// Begins once validation_loss has not improved in one evaluation.
inline Phase make_plateau_phase(const std::string& train) {
  Phase phase = make_phase(0, train);
  phase.at.kind = PhaseStart::Kind::plateau;
  phase.at.metric = "validation_loss";
  phase.at.patience = 1;
  return phase;
}

inline StrategyRequest request_of(std::vector<Phase> phases) { return {"plan", {}, std::move(phases)}; }

// Adapters of a cnn, whose only Linear layer is its head's, and bottlenecks of an mlp have to be placed.
inline StrategyRequest with_places(StrategyRequest request, const std::string& architecture) {
  using Names = std::vector<std::string>;
  const bool low_rank = request.name == "lora" || request.name == "dora";
  if (request.name == "adapter") request.options["target_modules"] = Names{"layers.1"};
  if (low_rank && architecture == "cnn") {
    request.options["target_modules"] = Names{"head"};
    request.options["modules_to_save"] = Names{"stem"};
  }
  return request;
}

// For a run of 100 updates, 10 in an epoch.
inline ResolvedPlan resolve(const Model& model, Plan plan) {
  return {std::move(plan), describe(model), {100, 10}};
}

inline void train_step(Model& model, Optimizer& optimizer, const Batch& batch) {
  forward_backward(model, batch, {}, 1.0, nullptr);
  optimizer.step(0.01);
  optimizer.clear_grad();
}

// Parameters and buffers.
inline NamedTensors tensors_of(const Model& model) {
  NamedTensors tensors;
  for (const ParameterPtr& parameter : model.parameters())
    tensors.emplace_back(parameter->name, parameter->tensor);
  for (const BufferPtr& buffer : model.buffers()) tensors.emplace_back(buffer->name, buffer->tensor);
  return tensors;
}

inline void expect_same_bits(const Model& a, const Model& b) {
  const NamedTensors left = tensors_of(a);
  const NamedTensors right = tensors_of(b);
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i)
    EXPECT_TRUE(same_bits(left[i].second, right[i].second)) << left[i].first;
}

}  // namespace thaw::test
