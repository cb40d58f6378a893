// Gradients as fine-tuning uses them: through adapters, accumulated over micro-batches, with a pull to the
// start, and with any subset of a model frozen.
#include <gtest/gtest.h>

#include <cmath>

#include "core/ops.h"
#include "nn/layers/linear.h"
#include "tests/golden/golden.h"
#include "tests/support/files.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

std::map<std::string, Tensor> gradients_of(Model& model) {
  std::map<std::string, Tensor> gradients;
  for (const ParameterPtr& parameter : model.parameters())
    if (parameter->tensor.grad().defined()) gradients[parameter->name] = parameter->tensor.grad().clone();
  for (const ParameterPtr& parameter : model.parameters()) parameter->tensor.clear_grad();
  return gradients;
}

void expect_equal(const std::map<std::string, Tensor>& got, const std::map<std::string, Tensor>& expected) {
  Gradients pairs;
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [name, gradient] : expected) pairs[name] = {got.at(name), gradient};
  expect_gradients(pairs);
}

// -- LoRA

TestRun lora_run() {
  TestRun run("mlp", {"lora", {}, {}});
  run.config.strategy.options["r"] = 2.0;
  run.config.strategy.options["alpha"] = 6.0;
  return run;
}

TEST(Lora, StartsAsTheBaseBitForBit) {
  const TestRun run = lora_run();
  const auto adapted = run.make();
  const auto base = make_model(run.model_config, {.seed = run.config.train.seed});
  const NoGrad no_grad;
  EXPECT_TRUE(same_bits(adapted->forward(run.batch().x), base->forward(run.batch().x)));
}

TEST(Lora, MergingChangesNoOutput) {
  TestRun run = lora_run();
  run.config.train.lr = 0.05;
  run.train();
  const auto merged = make_model(run.model_config, {.seed = 99});
  const TemporaryFolder folder;
  save_safetensors(folder.path() + "/merged.safetensors", merged_weights(*run.model));
  const LoadReport report = load_weights(*merged, WeightFiles(folder.path() + "/merged.safetensors"));
  EXPECT_TRUE(report.fits());
  const NoGrad no_grad;
  EXPECT_GT(amax(abs(run.model->linears()[0]->lora()->delta())).item(), 1e-3);
  run.model->train(false);
  EXPECT_TRUE(all_close(merged->forward(run.batch().x), run.model->forward(run.batch().x), 1e-6, 1e-6));
}

// With W' = W + s B A: dA = s B^T dW' and dB = s dW' A^T.
TEST(Lora, GradientsFollowFromTheMergedWeights) {
  TestRun run = lora_run();
  run.config.train.lr = 0.05;
  run.train();
  const Batch batch = run.batch();
  LoraAdapter& adapter = *run.model->linears()[0]->lora();
  Linear& layer = *run.model->linears()[0];
  layer.weight()->set_requires_grad(true);
  forward_backward(*run.model, batch, {}, 1.0, nullptr);
  const NoGrad no_grad;
  const Tensor dw = layer.weight()->tensor.grad();
  const Tensor da = matmul(adapter.b()->tensor.mT(), dw) * 3.0;
  const Tensor db = matmul(dw, adapter.a()->tensor.mT()) * 3.0;
  expect_gradients({{"a", {adapter.a()->tensor.grad(), da}}, {"b", {adapter.b()->tensor.grad(), db}}});
}

// -- accumulation

TEST(Accumulation, EqualsTheBigBatch) {
  const TestRun run("mlp", {"full", {}, {}});
  const auto model = run.make();
  forward_backward(*model, run.batch(), {}, 1.0, nullptr);
  const auto expected = gradients_of(*model);
  for (const std::int64_t size : {4, 7, 24}) {  // 7: the last one is smaller
    BatchPlan plan(24, size, 24, false, 0);
    for (const std::vector<std::int64_t>& rows : plan.update(0))
      forward_backward(*model, make_batch(run.data.train, rows), {}, static_cast<double>(rows.size()) / 24,
                       nullptr);
    expect_equal(gradients_of(*model), expected);
  }
}

TEST(Accumulation, TrainsLikeTheBigBatch) {
  TestRun big("mlp", {"full", {}, {}});
  big.config.train.batch_size = 20;  // 20 and 4 samples
  big.config.train.shuffle = false;
  TestRun small("mlp", {"full", {}, {}});
  small.config.train = big.config.train;
  small.config.train.batch_size = 5;
  small.config.train.accumulation = 4;
  EXPECT_NEAR(big.train().last_loss, small.train().last_loss, 1e-6);
  for (std::size_t i = 0; i < big.model->parameters().size(); ++i)
    EXPECT_TRUE(
        all_close(small.model->parameters()[i]->tensor, big.model->parameters()[i]->tensor, 1e-4, 1e-5));
}

// -- L2-SP: alpha (w - w0) below the head, beta w in it

TEST(L2Sp, AddsItsPullOncePerUpdate) {
  const TestRun run("mlp", {"full", {}, {}});
  const auto model = run.make();
  const L2SpPenalty penalty(*model, {0.5, 0.25});
  std::map<std::string, Tensor> expected;
  {
    const NoGrad no_grad;
    for (const ParameterPtr& parameter : model->parameters()) {
      const Tensor start = parameter->tensor.clone();
      kernels::affine(parameter->tensor, start, 1.5, 0.1);
      const bool head = parameter->group == model->head();
      expected[parameter->name] = head ? parameter->tensor * 0.25 : (parameter->tensor - start) * 0.5;
    }
  }
  forward_backward(*model, run.batch(), {}, 1.0, nullptr);
  for (const auto& [name, gradient] : gradients_of(*model)) {
    const NoGrad no_grad;
    expected[name] = expected[name] + gradient;
  }
  for (int micro_batch = 0; micro_batch < 4; ++micro_batch)
    forward_backward(*model, run.batch(), {}, 0.25, &penalty);
  expect_equal(gradients_of(*model), expected);
}

// -- every subset of a small model's groups

TEST(Freezing, EverySubsetOfGroupsKeepsTheGradientsOfTheRest) {
  for (const char* architecture : {"mlp", "cnn"}) {
    const TestRun run(architecture, {"full", {}, {}});
    const auto model = run.make();
    const Batch batch = run.batch();
    forward_backward(*model, batch, {}, 1.0, nullptr);
    const auto all = gradients_of(*model);
    const auto groups = static_cast<unsigned>(model->groups().size());
    for (unsigned frozen = 0; frozen < 1U << groups; ++frozen) {
      SCOPED_TRACE(std::string(architecture) + ", frozen groups as bits: " + std::to_string(frozen));
      std::map<std::string, Tensor> expected = all;
      for (const ParameterPtr& parameter : model->parameters()) {
        parameter->set_requires_grad((frozen >> parameter->group & 1U) == 0);
        if (!parameter->requires_grad()) expected.erase(parameter->name);
      }
      forward_backward(*model, batch, {}, 1.0, nullptr);
      const auto got = gradients_of(*model);
      ASSERT_EQ(got.size(), expected.size());
      for (const auto& [name, gradient] : expected) EXPECT_TRUE(same_bits(got.at(name), gradient)) << name;
    }
  }
}

}  // namespace
}  // namespace thaw::test
