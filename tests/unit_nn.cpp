// Modules and models: names, groups, modes, ties, initial weights and files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random.h"
#include "kernels/kernels.h"
#include "nn/layers/linear.h"
#include "nn/layers/norm.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

std::vector<std::string> names_of(const Model& model) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_of(model)) names.push_back(name);
  return names;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> left = a.to_vector(), right = b.to_vector();
  double largest = 0;
  for (std::size_t i = 0; i < left.size(); ++i) largest = std::max(largest, std::abs(left[i] - right[i]));
  return largest;
}

TEST(Models, MlpNamesItsTensorsAsDocumented) {
  const auto model = TestRun("mlp", {"full", {}, {}}).make();
  EXPECT_EQ(names_of(*model),
            (std::vector<std::string>{"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias",
                                      "layers.2.weight", "layers.2.bias", "head.weight", "head.bias"}));
  EXPECT_EQ(model->parameters()[0]->tensor.shape().str(), "[8, 6]");  // [out, in]
  EXPECT_EQ(describe(*model).groups, (std::vector<std::string>{"layers.0", "layers.1", "layers.2", "head"}));
  EXPECT_EQ(model->parameters()[7]->group, 3);
  EXPECT_EQ(model->parameters()[7]->kind, ParameterKind::bias);
}

TEST(Models, CnnNamesItsTensorsAsTorchvisionDoes) {
  const auto model = TestRun("cnn", {"full", {}, {}}).make();
  const ModelInfo info = describe(*model);
  EXPECT_EQ(info.groups, (std::vector<std::string>{"stem", "layers.0", "layers.1", "head"}));
  std::map<std::string, ParameterKind> kinds;
  for (const ParameterInfo& parameter : info.parameters) kinds[parameter.name] = parameter.kind;
  EXPECT_EQ(kinds.count("layers.0.downsample.0.weight"), 0U);  // the shape stays
  EXPECT_EQ(kinds.at("layers.1.downsample.0.weight"), ParameterKind::weight);
  EXPECT_EQ(kinds.at("layers.1.downsample.1.weight"), ParameterKind::norm);
  EXPECT_EQ(kinds.at("stem.bn.bias"), ParameterKind::norm);
  EXPECT_EQ(model->buffers().front()->name, "stem.bn.running_mean");
}

TEST(Models, WeightsFollowTheSeedAndTheirOwnName) {
  TestRun run("mlp", {"full", {}, {}});
  expect_same_bits(*run.make(), *run.make());
  const auto model = run.make();
  run.model_config.hidden = {6, 6, 6};
  const auto square = run.make();
  EXPECT_FALSE(same_bits(square->parameters()[0]->tensor, square->parameters()[2]->tensor)) << "of one shape";
  run.model_config.hidden = {8, 7, 5};
  run.model_config.outputs = 5;  // another head changes no other weight
  EXPECT_TRUE(same_bits(run.make()->parameters()[0]->tensor, model->parameters()[0]->tensor));
  run.config.train.seed = 1;
  EXPECT_FALSE(same_bits(run.make()->parameters()[0]->tensor, model->parameters()[0]->tensor));
}

// nn.Linear's: uniform within 1 / sqrt(fan_in).
TEST(Models, LinearStartsAsPyTorchsDoes) {
  const Linear layer(64, 100, {.path = "layer"});
  const double bound = 1 / std::sqrt(64.0);
  for (const ParameterPtr& parameter : layer.parameters()) {
    double largest = 0, sum = 0;
    const std::vector<double> values = parameter->tensor.to_vector();
    for (const double value : values) {
      largest = std::max(largest, std::abs(value));
      sum += value;
    }
    EXPECT_LE(largest, bound);
    EXPECT_GT(largest, 0.9 * bound);
    EXPECT_NEAR(sum / static_cast<double>(values.size()), 0, 0.2 * bound);
  }
}

TEST(Models, UnknownArchitecturesAndImpossibleSizesAreRefused) {
  ModelConfig config;
  config.architecture = "transformer";
  config.sample_shape = {4};
  config.outputs = 2;
  EXPECT_THROW(make_model(config), InputError);
  config.architecture = "cnn";  // wants images
  EXPECT_THROW(make_model(config), InputError);
  config.architecture = "mlp";
  config.hidden = {0};
  EXPECT_THROW(make_model(config), InputError);
  config.hidden = {4};
  config.activation = "step";
  EXPECT_THROW(make_model(config), InputError);
}

TEST(Models, CountingElementsAllocatesNothing) {
  ModelConfig config;
  config.architecture = "mlp";
  config.hidden = {1 << 20, 1 << 20};
  config.sample_shape = {1 << 20};
  config.outputs = 1;
  const std::int64_t before = memory::usage(kCpu).total;
  EXPECT_EQ(count_elements(config), (std::int64_t{1} << 41) + (std::int64_t{1} << 20) * 3 + 1);
  EXPECT_EQ(memory::usage(kCpu).total, before);
}

TEST(Modules, TrainReachesEveryModuleAndNoSwitch) {
  const auto model = TestRun("cnn", {"full", {}, {}}).make();
  BatchNorm* norm = nullptr;
  for (Module* module : model->modules())
    if (norm == nullptr) norm = dynamic_cast<BatchNorm*>(module);
  ASSERT_NE(norm, nullptr);
  norm->set_update_statistics(false);
  model->train(false);
  EXPECT_FALSE(norm->training());
  model->train(true);
  EXPECT_TRUE(norm->training());
  EXPECT_FALSE(norm->updates_statistics());
  EXPECT_TRUE(norm->uses_batch_statistics());
}

TEST(Modules, FreezingAParameterDropsItsGradient) {
  const TestRun run("mlp", {"full", {}, {}});
  const auto model = run.make();
  forward_backward(*model, run.batch(), {}, 1.0, nullptr);
  Parameter& weight = *model->parameters()[0];
  ASSERT_TRUE(weight.tensor.grad().defined());
  weight.set_requires_grad(false);
  EXPECT_FALSE(weight.tensor.grad().defined());
}

TEST(Modules, AdaptersAreNamedAsInPeftAndBelongToTheirLayersGroup) {
  const auto model = TestRun("mlp", {"lora", {}, {}}).make();
  const ModelInfo info = describe(*model);
  for (const ParameterInfo& parameter : info.parameters) {
    if (parameter.name != "layers.1.lora_A.weight") continue;
    EXPECT_EQ(parameter.kind, ParameterKind::lora);
    EXPECT_EQ(parameter.group, 1);
    return;
  }
  FAIL() << "there is no layers.1.lora_A.weight";
}

// -- adapters in and out of the weight

TEST(Modules, MergingAndUnmergingGiveTheWeightsBack) {
  for (const char* strategy : {"lora", "dora"}) {
    SCOPED_TRACE(strategy);
    const NoGrad no_grad;
    const auto model = TestRun("mlp", {strategy, {}, {}}).make();
    for (Linear* layer : model->linears()) {
      if (layer->lora() == nullptr) continue;
      const Tensor before = layer->weight()->tensor.clone();
      layer->merge();  // B is zero: the adapter changes nothing, bit for bit
      EXPECT_TRUE(same_bits(layer->weight()->tensor, before));
      layer->unmerge();
      EXPECT_TRUE(same_bits(layer->weight()->tensor, before));
      const Tensor b = randn(layer->lora()->b()->tensor.shape(), random_key(6, layer->path()));
      kernels::copy(layer->lora()->b()->tensor, b);
      layer->merge();
      EXPECT_GT(largest_difference(layer->weight()->tensor, before), 0.01) << layer->path();
      layer->unmerge();
      EXPECT_LE(largest_difference(layer->weight()->tensor, before), 1e-6) << layer->path();
    }
  }
}

TEST(Modules, AWeightOfTheOtherLayoutMergesTheSame) {
  const NoGrad no_grad;
  for (const bool dora : {false, true}) {
    Linear layer(6, 5, {.seed = 4, .path = "layer"}, true, WeightLayout::in_out);
    LoraOptions options;
    options.r = 2;
    options.dora = dora;
    layer.attach(options, 4);
    const Tensor before = layer.weight()->tensor.clone();
    const Tensor x = randn({3, 6}, random_key(1, "x"));
    kernels::copy(layer.lora()->b()->tensor, randn(layer.lora()->b()->tensor.shape(), random_key(6, "b")));
    const Tensor adapted = layer.forward(x);
    layer.merge();
    EXPECT_GT(largest_difference(layer.weight()->tensor, before), 0.01);
    EXPECT_LE(largest_difference(layer.forward(x), adapted), 1e-5);
    layer.unmerge();
    EXPECT_LE(largest_difference(layer.weight()->tensor, before), 1e-6);
  }
}

// An adapter is folded into what it adapts: the file has the base's names.
TEST(Modules, MergedWeightsHaveTheBasesNames) {
  const auto model = TestRun("mlp", {"lora", {}, {}}).make();
  const auto base = TestRun("mlp", {"full", {}, {}}).make();
  std::vector<std::string> merged;
  for (const auto& [name, tensor] : merged_weights(*model)) merged.push_back(name);
  std::vector<std::string> expected = names_of(*base);
  std::sort(merged.begin(), merged.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(merged, expected);
}

}  // namespace
}  // namespace thaw::test
