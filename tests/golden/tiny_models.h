// The folders in golden/models: their models, and what the library that made them computed with them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/model/model_folder.h"
#include "nn/models/gpt2.h"
#include "tests/golden/golden.h"

namespace thaw::test {

// What a folder's model is asked for.
struct Task {
  std::string folder;
  std::string name;     // in golden.safetensors
  std::string pooling;  // empty: the architecture's own
};

inline void PrintTo(const Task& task, std::ostream* out) { *out << task.folder << ' ' << task.name; }

inline std::string folder_of(const Task& task) { return golden_path("models/" + task.folder); }

inline SafetensorsFile golden_of(const Task& task) {
  return open_golden("models/" + task.folder + "/golden.safetensors");
}

inline ModelConfig config_of(const Task& task) {
  ModelConfig config = read_model_config(folder_of(task) + "/config.json");
  if (!task.pooling.empty()) config.transformer.pooling = task.pooling;
  return config;
}

inline std::unique_ptr<Model> drawn(const ModelConfig& config, std::uint64_t seed = 0, Device device = kCpu) {
  return make_model(config, {seed, device});
}

inline void expect_loads(Model& model, const std::string& weights) {
  EXPECT_EQ(describe_problems(load_weights(model, WeightFiles(weights))), "");
}

inline std::unique_ptr<Model> loaded(const Task& task) {
  auto model = drawn(config_of(task));
  expect_loads(*model, folder_of(task));
  model->train(false);  // some configs have dropout
  return model;
}

inline ModelInput input_of(const SafetensorsFile& golden) {
  ModelInput x(golden.load("x"));
  if (golden.contains("mask")) x.padding = padding_of(golden.load("mask"));
  if (golden.contains("types")) x.types = golden.load("types");
  return x;
}

inline Tensor logits_of(Model& model, const Task& task, const ModelInput& x) {
  return task.name == "language" ? dynamic_cast<Gpt2&>(model).language_logits(x) : model.forward(x);
}

inline Tensor loss_of(const Tensor& logits, const Task& task, const SafetensorsFile& golden) {
  const Tensor target = golden.load(task.name == "language" ? "language.target" : "labels");
  return cross_entropy(logits.reshape({-1, logits.size(-1)}), target.reshape({-1}));
}

// The gradients of the parameters that have one there.
inline Gradients gradients_of(const Model& model, const Task& task, const SafetensorsFile& golden) {
  Gradients gradients;
  for (const ParameterPtr& parameter : model.parameters()) {
    const std::string name = task.name + ".g." + model.name_in_file(parameter->name);
    EXPECT_EQ(parameter->tensor.grad().defined(), parameter->requires_grad() && golden.contains(name))
        << name;
    if (parameter->requires_grad() && golden.contains(name))
      gradients[parameter->name] = {parameter->tensor.grad(), golden.load(name)};
  }
  return gradients;
}

inline std::size_t count_gradients(const Task& task, const SafetensorsFile& golden) {
  std::size_t count = 0;
  for (const SafetensorsEntry& entry : golden.entries())
    count += entry.name.starts_with(task.name + ".g.") ? 1 : 0;
  return count;
}

// Of a test with a Task.
template <class TestParam>
std::string task_name(const TestParam& test) {
  std::string name = test.param.folder + "_" + test.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace thaw::test
