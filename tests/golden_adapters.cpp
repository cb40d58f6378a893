// Adapters that PyPI's peft made on a small BERT, against what peft computes with them: logits with the
// adapter beside the weights and folded into them, and the gradients of everything that trains.
// golden/make_adapters.py wrote them.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/ops.h"
#include "finetune/adapter_folder.h"
#include "finetune/adapters.h"
#include "nn/init.h"
#include "nn/layers/linear.h"
#include "tests/golden/golden.h"

namespace thaw::test {
namespace {

struct GoldenAdapter : ::testing::TestWithParam<std::string> {
  std::string kind = GetParam();
  SafetensorsFile expected = open_golden("adapters/expected.safetensors");
  AdapterFolder folder = read_adapter_folder(golden_path("adapters/" + kind));
  std::vector<std::string> notes;

  // The base with a head for the adapter's three classes.
  std::unique_ptr<Model> make_base() const {
    ModelConfig config = read_model_folder(golden_path("adapters/base")).config;
    config.outputs = 3;
    const InitSeed seed(5);
    auto model = make_model(config);
    load_weights(*model, WeightFiles(golden_path("adapters/base")));
    return model;
  }
};

TEST_P(GoldenAdapter, SaysWhatItIs) {
  EXPECT_EQ(folder.options.r, 2);
  EXPECT_EQ(folder.options.alpha, 3);
  EXPECT_EQ(folder.options.rslora, kind == "rslora");
  EXPECT_EQ(folder.options.dora, kind == "dora");
  EXPECT_EQ(folder.base, "base");
}

TEST_P(GoldenAdapter, HasPeftsLogitsAndGradients) {
  const auto model = make_base();
  const AdapterSpec spec{folder.options, {}, {"classifier"}};
  attach_adapters(*model, spec, 1);
  load_adapter(*model, folder, spec, notes);
  EXPECT_TRUE(notes.empty());
  const std::string prefix = kind + ".g.base_model.model.";
  std::vector<ParameterPtr> trained;
  for (const ParameterPtr& parameter : model->parameters()) {
    parameter->set_requires_grad(expected.contains(prefix + model->name_in_file(parameter->name)));
    if (parameter->requires_grad()) trained.push_back(parameter);
  }
  EXPECT_EQ(trained.size(), kind == "dora" ? 8U : 6U);  // two layers and the classifier
  const Tensor logits = model->forward(expected.load("ids"));
  EXPECT_TRUE(all_close(logits, expected.load(kind + ".logits"), 1e-5, 1e-5));
  backward(logits, expected.load("dy"));
  Gradients gradients;
  for (const ParameterPtr& parameter : trained)
    gradients[parameter->name] = {parameter->tensor.grad(),
                                  expected.load(prefix + model->name_in_file(parameter->name))};
  expect_gradients(gradients);
}

TEST_P(GoldenAdapter, FoldedInHasPeftsLogits) {
  const auto model = make_base();
  EXPECT_EQ(fold_adapter(*model, folder, notes), 2);
  EXPECT_TRUE(notes.empty());
  for (const Linear* layer : model->linears()) EXPECT_EQ(layer->adapter(), nullptr);
  const NoGrad no_grad;
  EXPECT_TRUE(all_close(model->forward(expected.load("ids")), expected.load(kind + ".logits"), 1e-5, 1e-5));
}

INSTANTIATE_TEST_SUITE_P(Kinds, GoldenAdapter, ::testing::Values("lora", "rslora", "dora"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace thaw::test
