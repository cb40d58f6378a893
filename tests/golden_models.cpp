// Models of Hugging Face's transformers: tiny folders as it saved them, with the states, logits, losses and
// gradients that it computed. golden/make_models.py made them.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
#include "finetune/model/model_folder.h"
#include "nn/models/bert.h"
#include "nn/models/vit.h"
#include "tests/golden/tiny_models.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

const std::vector<std::string>& image_folders() {
  static const std::vector<std::string> folders = {
      "vit", "resnet", "resnet-caffe", "resnet-basic", "convnext", "efficientnet-lite", "squeezenet"};
  return folders;
}

std::vector<Task> tasks() {
  std::vector<Task> all{{"gpt2", "classify", ""}, {"gpt2", "language", ""}};
  for (const std::string& folder : image_folders()) all.push_back({folder, "classify", ""});
  for (const char* folder : {"bert", "distilbert", "roberta", "xlm-roberta"})
    for (const char* pooling : {"pooler", "cls", "mean"}) all.push_back({folder, pooling, pooling});
  return all;
}

// One for each folder.
std::vector<Task> classifiers() {
  std::vector<Task> all{{"gpt2", "classify", ""}};
  for (const std::string& folder : image_folders()) all.push_back({folder, "classify", ""});
  for (const char* folder : {"bert", "distilbert", "roberta", "xlm-roberta"})
    all.push_back({folder, "pooler", ""});
  return all;
}

// [B, T, C] -> [N, C]; what stands in padding's place means nothing. Other shapes stay.
Tensor of_tokens(const Tensor& values, const ModelInput& x) {
  if (!x.padding.mask.defined() || values.rank() != 3) return values;
  return index_select(values.reshape({-1, values.size(2)}), 0, x.padding.tokens);
}

std::vector<Tensor> states_of(Model& model, const ModelInput& x) {
  std::vector<Tensor> states;
  ModelState state = model.begin(x);
  for (int group = 0; group < model.head(); ++group) {
    model.run_group(group, state);
    states.push_back(state.rows == nullptr ? state.h : take_states(ModelState(state)));
  }
  return states;
}

class GoldenModels : public ::testing::TestWithParam<Task> {};
class GoldenFolders : public ::testing::TestWithParam<Task> {};

INSTANTIATE_TEST_SUITE_P(Tasks, GoldenModels, ::testing::ValuesIn(tasks()),
                         task_name<::testing::TestParamInfo<Task>>);
INSTANTIATE_TEST_SUITE_P(Folders, GoldenFolders, ::testing::ValuesIn(classifiers()),
                         task_name<::testing::TestParamInfo<Task>>);

TEST_P(GoldenModels, StatesLogitsAndGradientsEqualTransformers) {
  const Task& task = GetParam();
  const SafetensorsFile golden = golden_of(task);
  const auto model = loaded(task);
  const ModelInput x = input_of(golden);
  const std::vector<Tensor> states = states_of(*model, x);
  ASSERT_GE(states.size(), 3U);
  EXPECT_FALSE(golden.contains(concat("hidden.", states.size())));
  for (std::size_t i = 0; i < states.size(); ++i)
    EXPECT_TRUE(
        all_close(of_tokens(states[i], x), of_tokens(golden.load("hidden." + std::to_string(i)), x), 0, 1e-5))
        << i;
  const Tensor logits = logits_of(*model, task, x);
  EXPECT_TRUE(all_close(of_tokens(logits, x), of_tokens(golden.load(task.name + ".logits"), x), 0, 1e-5));
  const Tensor loss = loss_of(logits, task, golden);
  EXPECT_TRUE(all_close(loss, golden.load(task.name + ".loss"), 0, 1e-5));
  loss.backward();
  const Gradients gradients = gradients_of(*model, task, golden);
  EXPECT_EQ(gradients.size(), count_gradients(task, golden));
  expect_gradients(gradients);
}

TEST_P(GoldenModels, AFrozenPrefixIsNotRecordedAndChangesNoOtherGradient) {
  const Task& task = GetParam();
  const SafetensorsFile golden = golden_of(task);
  const auto model = loaded(task);
  for (const ParameterPtr& parameter : model->parameters())
    parameter->set_requires_grad(parameter->group > 1);
  const ModelInput x = input_of(golden);
  const std::vector<Tensor> states = states_of(*model, x);
  EXPECT_EQ(states[1].grad_fn(), nullptr);
  EXPECT_NE(states[2].grad_fn(), nullptr);
  loss_of(logits_of(*model, task, x), task, golden).backward();
  expect_gradients(gradients_of(*model, task, golden));
}

TEST_P(GoldenModels, ShapesOnTheMetaDeviceAreTheSame) {
  const Task& task = GetParam();
  const SafetensorsFile golden = golden_of(task);
  const auto model = drawn(config_of(task), 0, kMeta);
  ModelInput x = input_of(golden);
  for (Tensor* tensor : {&x.values, &x.padding.mask, &x.padding.tokens, &x.padding.rows, &x.types})
    if (tensor->defined()) *tensor = empty(tensor->shape(), {tensor->dtype(), kMeta});
  const std::vector<Tensor> states = states_of(*model, x);
  for (std::size_t i = 0; i < states.size(); ++i)
    EXPECT_EQ(states[i].shape(), golden.load("hidden." + std::to_string(i)).shape());
  EXPECT_EQ(logits_of(*model, task, x).shape(), golden.load(task.name + ".logits").shape());
}

// A sample is what it is in a batch of its own, where a text needs no padding.
TEST_P(GoldenModels, NeitherPaddingNorNeighboursChangeASample) {
  const Task& task = GetParam();
  const SafetensorsFile golden = golden_of(task);
  const auto model = loaded(task);
  const ModelInput x = input_of(golden);
  const Tensor logits = logits_of(*model, task, x);
  for (std::int64_t row = 0; row < x.values.size(0); ++row) {
    const auto cut = [&](const Tensor& t) {
      const Tensor alone = slice(t, 0, row, row + 1);
      const Tensor& mask = x.padding.mask;
      if (!mask.defined()) return alone;
      const auto length = static_cast<std::int64_t>(sum(cast(select(mask, 0, row), DType::f32)).item());
      return slice(alone, 1, 0, length);
    };
    ModelInput alone(cut(x.values));
    if (x.types.defined()) alone.types = cut(x.types);
    const Tensor expected = slice(logits, 0, row, row + 1);
    EXPECT_TRUE(
        all_close(logits_of(*model, task, alone), expected.rank() == 3 ? cut(logits) : expected, 0, 1e-5));
  }
}

TEST_P(GoldenFolders, WeightsAreWrittenBackAsTheyWere) {
  const Task& task = GetParam();
  const auto model = loaded(task);
  const SafetensorsFile file(folder_of(task) + "/" + kWeightsName);
  std::set<std::string> written;
  for (const auto& [name, tensor] : merged_weights(*model)) {
    EXPECT_TRUE(written.insert(name).second) << name << " stands twice";
    ASSERT_TRUE(file.contains(name)) << name;
    EXPECT_TRUE(same_bits(tensor, file.load(name))) << name;
  }
  EXPECT_EQ(written.size(), file.entries().size());
}

// The file's tensors under other names, with tensors that are no part of the model.
NamedTensors renamed(const Task& task, const std::function<std::string(std::string)>& rename) {
  const SafetensorsFile file(folder_of(task) + "/" + kWeightsName);
  NamedTensors tensors;
  for (const SafetensorsEntry& entry : file.entries())
    tensors.emplace_back(rename(entry.name), file.load(entry.name));
  return tensors;
}

void replace_end(std::string& name, const std::string& from, const std::string& to) {
  if (name.ends_with(from)) name.replace(name.size() - from.size(), from.size(), to);
}

TEST_P(GoldenFolders, OldNamesAndWhatIsNoPartOfTheModelAreRead) {
  const Task& task = GetParam();
  NamedTensors tensors = renamed(task, [](std::string name) {
    for (const char* prefix :
         {"bert.", "distilbert.", "roberta.", "transformer.", "vit.", "resnet.", "convnext."})
      if (name.starts_with(prefix) && !name.starts_with("transformer.layer"))
        name.erase(0, std::string_view(prefix).size());
    replace_end(name, "LayerNorm.weight", "LayerNorm.gamma");
    replace_end(name, "LayerNorm.bias", "LayerNorm.beta");
    return name;
  });
  const Tensor other = full({2, 3}, 1);
  if (task.folder == "bert") tensors.emplace_back("embeddings.position_ids", arange(12));
  if (task.folder == "bert") tensors.emplace_back("cls.predictions.bias", other);
  if (task.folder.ends_with("roberta"))
    for (const char* name : {"lm_head.bias", "roberta.pooler.dense.weight", "embeddings.position_ids"})
      tensors.emplace_back(name, other);
  if (task.folder == "distilbert") tensors.emplace_back("vocab_projector.bias", other);
  if (task.folder == "gpt2")
    for (const char* name : {"h.0.attn.bias", "transformer.h.1.attn.masked_bias"})
      tensors.emplace_back(name, other);
  if (task.folder == "vit") tensors.emplace_back("vit.pooler.dense.weight", other);
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/old.safetensors";
  save_safetensors(path, tensors);
  const auto model = drawn(config_of(task));
  expect_loads(*model, path);
  expect_same_bits(*model, *loaded(task));
}

// Old files hold the language model's head beside the table that it is, or in its place.
TEST(GoldenGpt2, TheTiedHeadIsReadUnderEitherName) {
  const Task task{"gpt2", "classify", ""};
  const std::string table = "transformer.wte.weight", head = "lm_head.weight";
  const auto expect_reads = [&](const NamedTensors& tensors) {
    const TemporaryFolder folder;
    save_safetensors(folder.path() + "/a.safetensors", tensors);
    const auto model = drawn(config_of(task));
    expect_loads(*model, folder.path() + "/a.safetensors");
    expect_same_bits(*model, *loaded(task));
  };
  expect_reads(renamed(task, [&](const std::string& name) { return name == table ? head : name; }));
  NamedTensors both = renamed(task, [](const std::string& name) { return name; });
  const Tensor other = full(SafetensorsFile(folder_of(task) + "/" + kWeightsName).load(table).shape(), 1);
  both.emplace_back(head, other);
  expect_reads(both);
  std::rotate(both.begin(), both.end() - 1, both.end());
  expect_reads(both);
}

// By its id, wherever it stands, and with transformers' first token where there is no other.
TEST(GoldenGpt2, TheLastTokenIsTheLastThatIsNotPaddings) {
  const Task task{"gpt2", "classify", ""};
  const SafetensorsFile golden = golden_of(task);
  const auto model = loaded(task);
  ModelInput x = input_of(golden);
  x.values = golden.load("padded.x");
  const NoGrad no_grad;
  const Tensor logits = model->forward(x);
  EXPECT_TRUE(all_close(logits, golden.load("padded.logits"), 0, 1e-5));
  ModelConfig without = config_of(task);
  without.transformer.pad_id = -1;
  const auto last = drawn(without);
  expect_loads(*last, folder_of(task));
  last->train(false);
  EXPECT_FALSE(all_close(last->forward(x), logits, 0, 1e-2)) << "the last token, whatever it is";
}

// Data parallel models, torch.compile and Lightning put something before every name.
TEST_P(GoldenFolders, NamesOfWrappedModelsAreReadAndSaid) {
  const Task& task = GetParam();
  for (const std::string prefix : {"module.", "_orig_mod.", "model.", "module._orig_mod."}) {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/a.safetensors";
    NamedTensors tensors = renamed(task, [&](const std::string& name) { return prefix + name; });
    save_safetensors(path, tensors);
    const auto model = drawn(config_of(task));
    const LoadReport report = load_weights(*model, WeightFiles(path));
    EXPECT_EQ(describe_problems(report), "");
    ASSERT_EQ(report.notes.size(), 1U);
    expect_has(report.notes.front(), "begin with " + prefix);
    expect_same_bits(*model, *loaded(task));
    const std::string bare = tensors.front().first.substr(prefix.size());
    tensors.emplace_back(bare, tensors.front().second);
    save_safetensors(path, tensors);
    const std::string message = message_of<InputError>([&] { load_weights(*model, WeightFiles(path)); });
    expect_has(message, "two tensors are the model's");
    expect_has(message, prefix + bare);
  }
}

// As transformers 5 calls the modules of a ViT, and so PEFT the tensors of its adapters.
TEST(GoldenVit, NamesOfModulesAreRead) {
  const Task task{"vit", "classify", ""};
  const NamedTensors tensors = renamed(task, [](std::string name) {
    constexpr std::pair<std::string_view, std::string_view> kNames[] = {
        {"encoder.layer.", "layers."},
        {"attention.attention.query", "attention.q_proj"},
        {"attention.attention.key", "attention.k_proj"},
        {"attention.attention.value", "attention.v_proj"},
        {"attention.output.dense", "attention.o_proj"},
        {"intermediate.dense", "mlp.fc1"},
        {".output.dense", ".mlp.fc2"}};
    for (const auto& [from, to] : kNames)
      if (const std::size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
    return name;
  });
  const TemporaryFolder folder;
  save_safetensors(folder.path() + "/a.safetensors", tensors);
  const auto model = drawn(config_of(task));
  expect_loads(*model, folder.path() + "/a.safetensors");
  expect_same_bits(*model, *loaded(task));
}

TEST_P(GoldenFolders, WhatIsMissingOrUnknownIsSaid) {
  const Task& task = GetParam();
  NamedTensors tensors = renamed(task, [](const std::string& name) { return name; });
  const std::string lost = tensors.front().first;
  tensors.front().first = "surplus.weight";
  const TemporaryFolder folder;
  save_safetensors(folder.path() + "/a.safetensors", tensors);
  const auto model = drawn(config_of(task));
  const LoadReport report = load_weights(*model, WeightFiles(folder.path() + "/a.safetensors"));
  EXPECT_EQ(report.unexpected, std::vector<std::string>{"surplus.weight"});
  EXPECT_EQ(report.missing, std::vector<std::string>{model->name_in_model(lost).value()});
  EXPECT_TRUE(report.mismatched.empty());
}

}  // namespace
}  // namespace thaw::test
