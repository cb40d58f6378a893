// What freezing promises, by the numbers of the list of behaviours in which fine-tuning programs go wrong. 4
// to 6 are in unit_transitions.cpp, 7 is in unit_resume.cpp; 12 is about a cache of the frozen prefix, which
// this version does not have.
#include <gtest/gtest.h>

#include <map>

#include "core/ops.h"
#include "finetune/model/snapshot.h"
#include "finetune/plan/selector.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/train/trainer.h"
#include "nn/layers/linear.h"
#include "nn/layers/norm.h"
#include "tests/support/files.h"
#include "tests/support/tasks.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

Tensor output_of(Model& model, const ModelInput& x) {
  const NoGrad no_grad;
  return model.forward(x);
}

Tensor evaluation_output(Model& model, const ModelInput& x) {
  model.train(false);
  Tensor y = output_of(model, x);
  model.train(true);
  return y;
}

// Two layers that share one weight below a head.
class TiedModel : public Model {
 public:
  TiedModel() {
    first_ = &add_module("layers.0", std::make_unique<Linear>(6, 6, Init{.path = "layers.0"}));
    second_ = &add_module("layers.1", std::make_unique<Tied>(first_->weight()));
    head_ = &add_module("head", std::make_unique<Linear>(6, 3, Init{.path = "head"}));
    finish({{"layers.0", {"layers.0"}}, {"layers.1", {"layers.1"}}, {"head", {"head"}}});
  }
  ModelState begin(const ModelInput& x) override { return {x, x.values}; }
  void run_group(int group, ModelState& state) override {
    state.h = group == 0 ? tanh(first_->forward(state.h)) : second_->forward(state.h);
  }
  Tensor pool(ModelState state) override { return state.h; }
  Tensor output(const Tensor& features) override { return head_->forward(features); }
  const char* architecture() const override { return "tied"; }
  Shape sample_shape() const override { return {6}; }

 private:
  class Tied : public Module {
   public:
    explicit Tied(const ParameterPtr& weight) : weight_(weight) { tie_parameter("weight", weight); }
    Tensor forward(const Tensor& x) { return linear(x, weight_->tensor); }

   private:
    ParameterPtr weight_;
  };
  Linear* first_;
  Tied* second_;
  Linear* head_;
};

// -- 1, 2: modes

TEST(Behaviour1, FrozenBatchNormIsStillAndTrainDoesNotUndoIt) {
  const TestRun run("cnn", {"head", {}, {}});
  const auto model = run.make();
  const Batch batch = run.batch();
  for (Module* module : model->modules())
    if (auto* norm = dynamic_cast<BatchNorm*>(module)) {
      Tensor mean = norm->running_mean()->tensor;
      kernels::copy(mean, full(mean.shape(), 0.25));  // statistics that no batch has
    }
  apply_plan(*model, resolve(*model, plan_of({make_phase(0, "head")})), 0, {});
  const Snapshot before = take_snapshot(*model);
  const Tensor expected = evaluation_output(*model, batch.x);
  for (int k = 0; k < 2; ++k) {
    model->train(false);
    model->train(true);
    EXPECT_TRUE(same_bits(output_of(*model, batch.x), expected));
  }
  const NamedTensors after = tensors_of(*model);
  for (std::size_t i = 0; i < after.size(); ++i)
    EXPECT_TRUE(same_bits(before[i], after[i].second)) << after[i].first;
}

TEST(Behaviour1, FrozenNormBatchDoesWhatPyTorchDoes) {
  const TestRun run("cnn", {"head", {}, {}});
  const auto model = run.make();
  Plan plan = plan_of({make_phase(0, "head")});
  plan.frozen_norm = FrozenNorm::batch;
  apply_plan(*model, resolve(*model, plan), 0, {});
  const Tensor expected = evaluation_output(*model, run.batch().x);
  EXPECT_FALSE(same_bits(output_of(*model, run.batch().x), expected));
  EXPECT_EQ(model->buffers()[2]->name, "stem.bn.num_batches_tracked");
  EXPECT_EQ(model->buffers()[2]->tensor.item(), 1);
}

TEST(Behaviour2, DropoutOfAFrozenPartFollowsItsOwnSwitch) {
  const TestRun run("mlp", {"head", {}, {}}, 0.5);
  const auto model = run.make();
  const ModelInput x = run.batch().x;
  Plan plan = plan_of({make_phase(0, "head")});
  for (const FrozenDropout mode : {FrozenDropout::keep, FrozenDropout::off, FrozenDropout::keep}) {
    plan.frozen_dropout = mode;
    apply_plan(*model, resolve(*model, plan), 0, {});
    const bool undisturbed = same_bits(output_of(*model, x), evaluation_output(*model, x));
    EXPECT_EQ(undisturbed, mode == FrozenDropout::off);
    EXPECT_EQ(same_bits(output_of(*model, x), evaluation_output(*model, x)), undisturbed);
  }
  // A group that trains has its dropout whatever the switch says.
  plan.phases[0].train = "all";
  plan.frozen_dropout = FrozenDropout::off;
  apply_plan(*model, resolve(*model, plan), 0, {});
  EXPECT_FALSE(same_bits(output_of(*model, x), evaluation_output(*model, x)));
}

// -- 3: frozen means frozen

// After each update: what was frozen in it has the bytes it had before it.
class FrozenBytes {
 public:
  explicit FrozenBytes(Model& model) : model_(model), before_(take_snapshot(model)) {}

  void check() {
    const std::vector<ParameterPtr> parameters = model_.parameters();
    const std::vector<BufferPtr> buffers = model_.buffers();
    const std::vector<bool> frozen = frozen_groups(model_);
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (!parameters[i]->requires_grad()) expect_equal(i, parameters[i]->tensor, parameters[i]->name);
    for (std::size_t i = 0; i < buffers.size(); ++i)
      if (frozen[static_cast<std::size_t>(model_.group_of(buffers[i]->name))])
        expect_equal(parameters.size() + i, buffers[i]->tensor, buffers[i]->name);
    before_ = take_snapshot(model_);
  }
  std::int64_t checked() const { return checked_; }

 private:
  void expect_equal(std::size_t i, const Tensor& now, const std::string& name) {
    EXPECT_TRUE(same_bits(before_[i], now)) << name;
    ++checked_;
  }

  Model& model_;
  Snapshot before_;
  std::int64_t checked_ = 0;
};

std::vector<StrategyRequest> every_strategy() {
  std::vector<StrategyRequest> requests;
  for (const StrategySpec& spec : strategies()) {
    StrategyRequest request{spec.name, {}, {}};
    if (spec.name == "top-k") request.name = "top-1";
    if (spec.name == "block-k") request.name = "block-2";
    if (spec.name == "lisa") request.options = {{"middle", 1.0}, {"every", "3 steps"}};
    if (spec.name == "plan")
      request.phases = {make_phase(0, "head"), make_phase(4, "all"), make_phase(8, "layers.0, head")};
    requests.push_back(request);
  }
  return requests;
}

void expect_frozen_bytes(const std::string& architecture, const StrategyRequest& strategy,
                         const std::string& optimizer) {
  SCOPED_TRACE(architecture + ", " + strategy.name + ", " + optimizer);
  TestRun run(architecture, with_places(strategy, architecture));
  run.config.train = harsh_training(run.config.train, optimizer);
  std::unique_ptr<FrozenBytes> watch;
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) {
    if (progress.completed == 1) watch = std::make_unique<FrozenBytes>(*run.model);
    watch->check();
  };
  const RunResult outcome = run.train(hooks);
  EXPECT_EQ(outcome.status, RunStatus::ok) << outcome.message;
  for (const FrozenProof& proof : outcome.proofs) EXPECT_TRUE(proof.equal()) << "phase " << proof.phase;
  const bool all_train = strategy.name == "full" || strategy.name == "discriminative" ||
                         strategy.name == "layer-decay" || strategy.name == "l2-sp";
  EXPECT_EQ(watch->checked() == 0, all_train)
      << "that nothing is frozen: give " << strategy.name
      << " options in every_strategy() with which it freezes "
      << "some of a small " << architecture << ", or add it to all_train";
}

TEST(Behaviour3, FrozenWeightsAndBuffersKeepTheirBitsWhateverTheOptimizer) {
  for (const char* architecture : {"mlp", "cnn"})
    for (const StrategyRequest& strategy : every_strategy()) {
      if (strategy.name == "adapter" && architecture == std::string("cnn")) continue;  // finds no place
      for (const char* optimizer : {"sgd", "adamw"}) expect_frozen_bytes(architecture, strategy, optimizer);
    }
}

TEST(Behaviour3, TiedWeightsFreezeAndTrainAsOne) {
  TiedModel model;
  const Batch batch = TestRun("mlp", {"full", {}, {}}).batch();
  const TrainSection train = harsh_training({}, "sgd");
  const auto optimizer = make_optimizer(train, model);
  const ResolvedPlan plan =
      resolve(model, plan_of({make_phase(0, "all"), make_phase(3, "head"), make_phase(6, "all")}));
  FrozenBytes watch(model);
  const Tensor start = model.parameters()[0]->tensor.clone();
  for (int k = 0; k < 9; ++k) {
    apply_plan(model, plan, k, {});
    train_step(model, *optimizer, batch);
    watch.check();
    EXPECT_EQ(optimizer->state(*model.parameters()[0]).steps, k < 3 ? k + 1 : std::max(3, k - 2));
  }
  EXPECT_FALSE(same_bits(start, model.parameters()[0]->tensor));
}

// -- 8 to 11: graph, versions, ties

TEST(Behaviour8, RecomputingOverFrozenInputsStillGivesGradients) {
  const TestRun run("mlp", {"full", {}, {}});
  const auto model = run.make();
  apply_plan(*model, resolve(*model, plan_of({make_phase(0, "all, !layers.1")})), 0, {});
  const Batch batch = run.batch();
  classification().loss(model->forward(batch.x), batch, {}).backward();
  std::vector<Tensor> expected;
  for (const ParameterPtr& parameter : model->parameters()) {
    expected.push_back(parameter->tensor.grad());
    parameter->tensor.clear_grad();
  }
  const Tensor y = checkpoint([&](const std::vector<Tensor>& inputs) { return model->forward(inputs[0]); },
                              {batch.x.values});
  classification().loss(y, batch, {}).backward();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Parameter& parameter = *model->parameters()[i];
    ASSERT_EQ(parameter.tensor.grad().defined(), parameter.requires_grad()) << parameter.name;
    if (parameter.requires_grad()) {
      EXPECT_TRUE(same_bits(parameter.tensor.grad(), expected[i])) << parameter.name;
    }
  }
}

// Nothing is packed in this version; what will be is keyed by these numbers.
TEST(Behaviour9, RestoringAndLoadingRaiseTheVersionOfEveryWeight) {
  const TestRun run("cnn", {"full", {}, {}});
  const auto model = run.make();
  auto versions = [&] {
    std::vector<std::uint64_t> all;
    for (const auto& [name, tensor] : tensors_of(*model)) all.push_back(tensor.version());
    return all;
  };
  auto expect_higher = [&](const std::vector<std::uint64_t>& before) {
    const std::vector<std::uint64_t> after = versions();
    for (std::size_t i = 0; i < before.size(); ++i)
      EXPECT_GT(after[i], before[i]) << tensors_of(*model)[i].first;
  };
  const Snapshot snapshot = take_snapshot(*model);
  std::vector<std::uint64_t> before = versions();
  restore_snapshot(*model, snapshot);
  expect_higher(before);

  const TemporaryFolder folder;
  const std::string path = folder.path() + "/weights.safetensors";
  save_safetensors(path, tensors_of(*model));
  before = versions();
  load_weights(*model, WeightFiles(path));
  expect_higher(before);

  const auto optimizer = make_optimizer(run.config.train, *model);
  Snapshot best, rollback;
  RunState state;
  state.result.completed = 1;
  state.result.proofs.resize(1);
  const RunIdentity identity;
  save_checkpoint(folder.path(), {*model, *optimizer, state, best, rollback, identity}, 1);
  before = versions();
  load_checkpoint(find_checkpoint(folder.path())->path, *model, *optimizer, best, rollback, identity);
  expect_higher(before);
}

std::vector<Tensor> gradients_of(const TestRun& run, Model& model, const std::string& train) {
  apply_plan(model, resolve(model, plan_of({make_phase(0, train)})), 0, {});
  for (const ParameterPtr& parameter : model.parameters()) parameter->tensor.clear_grad();
  forward_backward(model, run.batch(), {}, 1.0, nullptr);
  std::vector<Tensor> gradients;
  for (const ParameterPtr& parameter : model.parameters()) gradients.push_back(parameter->tensor.grad());
  return gradients;
}

TEST(Behaviour10, FreezingTheMiddleOrTheTopStillSendsGradientsBelow) {
  const TestRun run("mlp", {"full", {}, {}});
  const auto model = run.make();
  const std::vector<Tensor> all = gradients_of(run, *model, "all");
  for (const char* train : {"all, !layers.1", "all, !head", "layers.0", "kind:bias"}) {
    const std::vector<Tensor> some = gradients_of(run, *model, train);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Parameter& parameter = *model->parameters()[i];
      ASSERT_EQ(some[i].defined(), parameter.requires_grad()) << train << ": " << parameter.name;
      if (some[i].defined()) {
        EXPECT_TRUE(same_bits(some[i], all[i])) << train << ": " << parameter.name;
      }
    }
  }
}

// Counts what backward does, by module and by what it is for.
class BackwardKernels : public KernelObserver {
 public:
  BackwardKernels() { kernel_observer = this; }
  ~BackwardKernels() override { kernel_observer = nullptr; }
  void on_kernel(const KernelEvent& event) override {
    if (trace_state.section == Section::forward) return;
    ++count[scope_path(trace_state.scope).substr(0, 8)];
    if (trace_state.section == Section::input_gradient) input_flops += event.flops;
  }
  std::map<std::string, int> count;
  double input_flops = 0;
};

TEST(Behaviour10, OnlyAFrozenPrefixStopsBackward) {
  const TestRun run("mlp", {"full", {}, {}});
  const auto model = run.make();
  auto backward_of = [&](const char* train) {
    const BackwardKernels kernels;
    gradients_of(run, *model, train);
    return kernels.count;
  };
  auto full = backward_of("all");
  auto prefix = backward_of("top:1");  // layers.2 and the head
  EXPECT_GT(full["layers.0"], 0);
  EXPECT_GT(full["layers.1"], 0);
  EXPECT_EQ(prefix["layers.0"], 0);
  EXPECT_EQ(prefix["layers.1"], 0);
  EXPECT_GT(prefix["layers.2"], 0);
  auto middle = backward_of("all, !layers.1");
  EXPECT_GT(middle["layers.1"], 0);
  EXPECT_LT(middle["layers.1"], full["layers.1"]);
  EXPECT_EQ(middle["layers.0"], full["layers.0"]);
}

TEST(Behaviour11, ASelectorThatSplitsTiedNamesIsAnError) {
  const TiedModel model;
  const ModelInfo info = describe(model);
  ASSERT_EQ(info.parameters[0].aliases, std::vector<std::string>{"layers.1.weight"});
  try {
    select_parameters("layers.1.weight", info, "strategy.phase 1: train");
    FAIL() << "one name of a tied weight was selected without the other";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("layers.0.weight"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("layers.1.weight"), std::string::npos) << error.what();
  }
  EXPECT_THROW(resolve(model, plan_of({make_phase(0, "all, !layers.0.weight")})), InputError);
  EXPECT_NO_THROW(resolve(model, plan_of({make_phase(0, "layers.?.weight")})));
}

}  // namespace
}  // namespace thaw::test
