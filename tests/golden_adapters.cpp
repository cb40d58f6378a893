// Adapters that PyPI's peft made on a small BERT, against what peft computes with them: logits with the
// adapter beside the weights and folded into them, and the gradients of everything that trains.
// golden/make_adapters.py wrote them.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ops.h"
#include "finetune/model/adapter_config.h"
#include "finetune/model/adapter_folder.h"
#include "finetune/model/model_folder.h"
#include "finetune/plan/adapters.h"
#include "nn/layers/linear.h"
#include "tests/golden/golden.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

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
    auto model = make_model(config, {.seed = 5});
    load_weights(*model, WeightFiles(golden_path("adapters/base")));
    return model;
  }
};

TEST_P(GoldenAdapter, SaysWhatItIs) {
  EXPECT_EQ(folder.options.r, 2);
  EXPECT_EQ(folder.options.alpha, 3);
  EXPECT_EQ(folder.options.rslora, kind == "rslora" || kind == "patterns-dora");
  EXPECT_EQ(folder.options.dora, kind.ends_with("dora"));
  EXPECT_EQ(folder.base, "base");
}

TEST_P(GoldenAdapter, HasPeftsLogitsAndGradients) {
  const auto model = make_base();
  const AdapterSpec spec{folder.options, {}, {"classifier"}, layers_of_patterns(*model, folder)};
  EXPECT_EQ(spec.layers.size(), kind.starts_with("patterns") ? 1U : 0U);
  attach_adapters(*model, spec, 1);
  load_adapter(*model, folder, spec, notes);
  EXPECT_TRUE(notes.empty());
  const std::string prefix = kind + ".g.base_model.model.";
  std::vector<ParameterPtr> trained;
  for (const ParameterPtr& parameter : model->parameters()) {
    parameter->set_requires_grad(expected.contains(prefix + model->name_in_file(parameter->name)));
    if (parameter->requires_grad()) trained.push_back(parameter);
  }
  EXPECT_EQ(trained.size(), kind.ends_with("dora") ? 8U : 6U);  // two layers and the classifier
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

// Read again it is the same, and PEFT's patterns are in it.
TEST_P(GoldenAdapter, IsWrittenAsItIs) {
  const auto model = make_base();
  const AdapterSpec spec{folder.options, {}, {}, layers_of_patterns(*model, folder)};
  attach_adapters(*model, spec, 1);
  load_adapter(*model, folder, spec, notes);
  const TemporaryFolder out;
  ModelConfig config = read_model_folder(golden_path("adapters/base")).config;
  config.outputs = 3;
  const ModelFolder base = read_model_folder(golden_path("adapters/base"));
  write_adapter_folder(out.path("adapter"), *model, spec, config, {}, &base);
  const AdapterFolder again = read_adapter_folder(out.path("adapter"));
  for (const Linear* layer : model->linears()) {
    if (layer->lora() == nullptr) continue;
    const LoraOptions options = again.options_of("bert." + layer->path());
    EXPECT_EQ(options.r, layer->lora()->options().r);
    EXPECT_EQ(options.alpha, layer->lora()->options().alpha);
    const bool is_other = kind.starts_with("patterns") && layer->path().ends_with("value");
    EXPECT_EQ(options.r, is_other ? 3 : 2);
    EXPECT_EQ(options.alpha, is_other ? 5 : 3);
  }
  const auto fresh = make_base();
  fold_adapter(*fresh, again, notes);
  const NoGrad no_grad;
  EXPECT_TRUE(all_close(fresh->forward(expected.load("ids")), expected.load(kind + ".logits"), 1e-5, 1e-5));
}

INSTANTIATE_TEST_SUITE_P(Kinds, GoldenAdapter,
                         ::testing::Values("lora", "rslora", "dora", "patterns", "patterns-dora"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Without the patterns the layers are others than the file's.
TEST(GoldenAdapterPatterns, ALayerThatDiffersIsNoSilentMistake) {
  AdapterFolder folder = read_adapter_folder(golden_path("adapters/patterns"));
  ModelConfig config = read_model_folder(golden_path("adapters/base")).config;
  config.outputs = 3;
  const auto model = make_model(config, {.seed = 5});
  const AdapterSpec without{folder.options, {}, {}};
  attach_adapters(*model, without, 1);
  std::vector<std::string> notes;
  expect_has(message_of<InputError>([&] { load_adapter(*model, folder, without, notes); }), "by a pattern");
  folder.ranks.clear();
  const auto other = make_model(config, {.seed = 5});
  expect_has(message_of<InputError>([&] { fold_adapter(*other, folder, notes); }), "lora_A of");
}

}  // namespace
}  // namespace thaw::test
