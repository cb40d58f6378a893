// What every architecture has to keep to, whoever added it: the parts of a forward pass are the whole, each group's work
// is counted as its own, the output layer is the head's, and no two layers draw their weights by one name.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/train/ledger.h"
#include "nn/layers/linear.h"
#include "nn/models/registry.h"

namespace thaw::test {
namespace {

ModelConfig small(const std::string& architecture) {
  ModelConfig config;
  config.architecture = architecture;
  config.hidden = {8, 7};
  config.width = 4;
  config.depth = 2;
  config.outputs = 3;
  TransformerConfig& t = config.transformer;
  t.vocab_size = 20;
  t.positions = 12;
  t.token_types = 2;
  t.patch_size = 4;
  t.hidden_size = 8;
  t.layers = 2;
  t.heads = 2;
  t.intermediate_size = 16;
  config.sample_shape =
      architecture == "mlp" ? std::vector<std::int64_t>{6} : std::vector<std::int64_t>{2, 8, 8};
  if (takes_text(config)) config.sample_shape.clear();
  t.pooling = own_pooling(config);
  return config;
}

// Two samples of it.
ModelInput input_of(const ModelConfig& config) {
  if (takes_text(config)) {
    const std::int64_t tokens[] = {4, 5, 6, 7, 8, 9};
    return from_data(tokens, {2, 3});
  }
  std::vector<std::int64_t> shape{2};
  shape.insert(shape.end(), config.sample_shape.begin(), config.sample_shape.end());
  return randn(Shape(shape), random_key(0, "input"));
}

struct EveryArchitecture : ::testing::TestWithParam<std::string> {
  EveryArchitecture()
      : config(small(GetParam())), model(make_model(config, {.seed = 1})), x(input_of(config)) {
    model->train(false);
  }
  ModelConfig config;
  std::unique_ptr<Model> model;
  ModelInput x;
};

TEST_P(EveryArchitecture, ItsPartsAreTheWhole) {
  const NoGrad no_grad;
  ModelState state = model->begin(x);
  for (int group = 0; group < model->head(); ++group) model->run_group(group, state);
  const Tensor features = model->pool(std::move(state));
  EXPECT_EQ(features.size(1), model->output_layer().matrix().size(1));
  EXPECT_EQ(model->output(features).to_vector(), model->forward(x).to_vector());
}

// Without a TraceScope, work would be counted for the head.
TEST_P(EveryArchitecture, EachGroupsWorkIsItsOwn) {
  const NoGrad no_grad;
  std::vector<double> whole;
  {
    const StepObserver observer(*model);
    model->forward(x);
    for (const auto& flops : observer.finish(kCpu).group_flops) whole.push_back(flops[0]);
  }
  ModelState state = model->begin(x);
  for (int group = 0; group < model->head(); ++group) {
    const StepObserver observer(*model);
    model->run_group(group, state);
    const auto cost = observer.finish(kCpu);
    const auto own = static_cast<std::size_t>(group);
    EXPECT_GT(cost.group_flops[own][0], 0) << model->groups()[own].name;
    EXPECT_EQ(cost.group_flops[own][0], whole[own]) << model->groups()[own].name;
    for (std::size_t other = 0; other + 1 < whole.size(); ++other)
      if (other != own) {
        EXPECT_EQ(cost.group_flops[other][0], 0) << model->groups()[other].name;
      }
  }
  EXPECT_GT(whole.back(), 0);
}

TEST_P(EveryArchitecture, TheOutputLayerIsTheHeads) {
  EXPECT_EQ(model->group_of(model->output_layer().path()), model->head());
  EXPECT_EQ(model->output_layer().matrix().size(0), config.outputs);
}

// Draws are keyed by a parameter's name: two that are given one name would begin with the same weights.
TEST_P(EveryArchitecture, NoTwoParametersAreDrawnAlike) {
  std::set<std::vector<double>> seen;
  for (const ParameterPtr& parameter : model->parameters()) {
    const std::vector<double> values = parameter->tensor.detach().to_vector();
    const bool is_drawn = std::set<double>(values.begin(), values.end()).size() > 1;
    if (is_drawn) {
      EXPECT_TRUE(seen.insert(values).second) << parameter->name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EveryArchitecture, ::testing::ValuesIn(all_architectures()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace thaw::test
