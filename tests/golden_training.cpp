// Whole training runs under plans that freeze, thaw and change multipliers, against PyTorch doing the same:
// weights, batch statistics, and the bits of what was frozen. The numbers come from golden/make_golden.py,
// where freezing is requires_grad = False, frozen batch norm is eval() and each parameter has a learning rate
// of its own.
#include <gtest/gtest.h>

#include "core/ops.h"
#include "finetune/model/starting_model.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/train/trainer.h"
#include "tests/golden/golden.h"
#include "tests/support/choices.h"
#include "tests/support/datasets.h"
#include "tests/support/from_config.h"

namespace thaw::test {
namespace {

Phase phase(std::int64_t step, const std::string& train, std::map<std::string, double> lr_mult = {}) {
  Phase result;
  result.at.amount = static_cast<double>(step);
  result.train = train;
  result.lr_mult = std::move(lr_mult);
  return result;
}

PreparedData golden_data(const SafetensorsFile& file) {
  const Tensor x = file.load("x");
  std::vector<std::int64_t> shape;
  for (int d = 1; d < x.rank(); ++d) shape.push_back(x.size(d));
  const std::vector<double> labels = file.load("y").to_vector();
  PreparedData data;
  data.train = number_samples(shape, std::vector<float>(x.data<float>(), x.data<float>() + x.numel()));
  set_labels(data.train, {labels.begin(), labels.end()});
  data.train.classes = {"0", "1", "2"};
  return data;
}

NamedTensors state_of(const Model& model) {
  NamedTensors state;
  for (const ParameterPtr& parameter : model.parameters())
    state.emplace_back(parameter->name, parameter->tensor);
  for (const BufferPtr& buffer : model.buffers()) state.emplace_back(buffer->name, buffer->tensor);
  return state;
}

void load_state(const Model& model, const SafetensorsFile& file, const std::string& prefix) {
  const NoGrad no_grad;
  for (auto& [name, tensor] : state_of(model)) {
    const Tensor from = file.load(prefix + name);
    Tensor to = tensor;
    kernels::copy(to, from);
  }
}

void expect_state(const Model& model, const SafetensorsFile& file, const std::string& prefix, double relative,
                  double absolute) {
  for (const auto& [name, tensor] : state_of(model))
    EXPECT_TRUE(all_close(tensor, file.load(prefix + name), relative, absolute)) << name;
}

void expect_frozen_proofs(const RunResult& outcome, std::size_t segments) {
  EXPECT_EQ(outcome.status, RunStatus::ok) << outcome.message;
  ASSERT_EQ(outcome.proofs.size(), segments);
  for (const FrozenProof& proof : outcome.proofs) EXPECT_TRUE(proof.equal()) << "phase " << proof.phase;
}

// The part of the training section that both optimizers share with make_golden.py's make_training().
TrainSection training(const std::string& optimizer, double lr) {
  TrainSection train;
  train.steps = 50;
  train.batch_size = 16;  // of 40 samples: the third batch of an epoch is a partial one
  train.shuffle = false;
  train.optimizer = choice_named<OptimizerKind>(optimizer);
  train.lr = lr;
  train.schedule = ScheduleKind::linear;
  train.warmup_steps = 5;
  train.eval_every = train.checkpoint_every = Period{};
  if (optimizer == "sgd") {
    train.momentum = 0.9;
    train.nesterov = true;
    train.weight_decay = 0.01;
  } else {
    train.weight_decay = 0.05;
  }
  return train;
}

void replay(const std::string& golden, ModelConfig model_config, const std::vector<Phase>& phases,
            const std::string& optimizer, double lr) {
  SCOPED_TRACE(golden + " with " + optimizer);
  const SafetensorsFile file = open_golden(golden);
  const PreparedData data = golden_data(file);
  model_config.sample_shape = data.train.sample_shape();
  model_config.outputs = 3;
  const std::unique_ptr<Model> model = make_model(model_config);
  load_state(*model, file, "start.");
  Config config;
  config.train = training(optimizer, lr);
  Strategy strategy;
  strategy.plan.phases = phases;
  const RunSetup setup = set_up_run(config, strategy, model_config, data);
  Trainer trainer(config, setup, *model, data, {});
  expect_frozen_proofs(trainer.run(), phases.size());
  expect_state(*model, file, optimizer + ".", 1e-5, 1e-5);
}

TEST(Training, MlpUnderAPlanEqualsPyTorch) {
  ModelConfig mlp;
  mlp.architecture = "mlp";
  mlp.hidden = {12, 10, 8};
  mlp.activation = "gelu";
  Phase middle = phase(25, "head, layers.2, layers.0", {{"head", 2.0}, {"layers.0", 0.1}});
  middle.state = StatePolicy::drop;
  const std::vector<Phase> phases = {phase(0, "head"),
                                     phase(10, "top:2", {{"layers.2", 0.5}, {"layers.1", 0.25}}), middle,
                                     phase(38, "head, kind:bias")};
  replay("training_mlp.safetensors", mlp, phases, "sgd", 0.05);
  replay("training_mlp.safetensors", mlp, phases, "adamw", 0.01);
}

TEST(Training, CnnUnderAPlanEqualsPyTorch) {
  ModelConfig cnn;
  cnn.architecture = "cnn";
  cnn.width = 4;
  cnn.depth = 2;
  const std::vector<Phase> phases = {
      phase(0, "head"), phase(12, "top:1", {{"layers.1", 0.5}}),
      phase(24, "all", {{"layers.1", 0.5}, {"layers.0", 0.25}, {"stem", 0.125}}),
      phase(38, "head, layers.0", {{"layers.0", 0.5}})};
  replay("training_cnn.safetensors", cnn, phases, "sgd", 0.02);
  replay("training_cnn.safetensors", cnn, phases, "adamw", 0.003);
}

// The same from a user's files: a CSV table, weights from `init`, full batch, a multiplier for each layer.
TEST(Training, TableTaskEqualsPyTorch) {
  Config config;
  config.model.hidden = {16, 8};
  config.model.init = golden_path("task_start.safetensors");
  config.data.train = golden_path("task.csv");
  config.data.validation_fraction = 0;
  config.train.steps = 60;
  config.train.batch_size = 0;
  config.train.shuffle = false;
  config.train.lr = 0.01;
  config.train.eval_every = config.train.checkpoint_every = Period{};
  config.strategy = {"plan",
                     {},
                     {phase(0, "head"), phase(20, "top:1", {{"layers.1", 0.5}}),
                      phase(40, "all", {{"layers.1", 0.4}, {"layers.0", 0.16}})}};
  const PreparedData data = data_of(config);
  const PreparedModel prepared = model_of(config, data, config.train.seed);
  const RunSetup setup = set_up_run(config, open_source(config.model), data);
  Trainer trainer(config, setup, *prepared.model, data, {});
  expect_frozen_proofs(trainer.run(), 3);
  expect_state(*prepared.model, open_golden("task_end.safetensors"), "", 1e-4, 1e-6);
}

}  // namespace
}  // namespace thaw::test
