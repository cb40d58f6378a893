// The training steps that are timed: fixed models, fixed batches and a freezing strategy, built from the same
// parts as a real run (nn's models, finetune's plans and step).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/train/step.h"
#include "kernels/memory.h"
#include "nn/io/safetensors.h"
#include "nn/models/registry.h"
#include "nn/optim/adamw.h"

namespace thaw::bench {

// Low, so that a ReLU input whose sign is lost in rounding does not part two loss curves within a few steps.
inline constexpr double kLearningRate = 3e-4;
inline constexpr std::int64_t kClasses = 10;
inline constexpr int kBatches = 8;  // the steps go round them

struct TrainingCase {
  std::string name;
  ModelConfig model;
  std::int64_t batch_size = 0;
};

inline ModelConfig mlp_config(std::int64_t features, std::vector<std::int64_t> hidden) {
  ModelConfig config;
  config.architecture = "mlp";
  config.hidden = std::move(hidden);
  config.sample_shape = {features};
  config.outputs = kClasses;
  return config;
}

inline ModelConfig cnn_config(std::int64_t side, std::int64_t width) {
  ModelConfig config;
  config.architecture = "cnn";
  config.width = width;
  config.depth = 3;
  config.sample_shape = {1, side, side};
  config.outputs = kClasses;
  return config;
}

// Fashion-MNIST's images, and the 8 x 8 digits.
inline std::vector<TrainingCase> training_cases() {
  return {{"mlp", mlp_config(784, {256, 128}), 64},
          {"mlp-small", mlp_config(64, {64, 32}), 32},
          {"cnn", cnn_config(28, 16), 64},
          {"cnn-small", cnn_config(8, 8), 32}};
}

inline TrainingCase find_training_case(const std::string& name) {
  std::string known;
  for (const TrainingCase& candidate : training_cases()) {
    if (candidate.name == name) return candidate;
    known += (known.empty() ? "" : ", ") + candidate.name;
  }
  fail_input("there is no case '", name, "'; choose one of ", known);
}

// Normal pixels and random labels: what the numbers are does not change the time of a step.
inline Batch random_batch(const TrainingCase& training_case, int index) {
  const CategoryScope category(memory::Category::input);
  Shape shape{training_case.batch_size};
  for (const std::int64_t size : training_case.model.sample_shape) shape.push_back(size);
  Batch batch;
  batch.x = randn(shape, random_key(0, "bench.x", index));
  const RandomKey labels = random_key(0, "bench.y", index);
  std::vector<std::int64_t> target;
  for (std::int64_t i = 0; i < training_case.batch_size; ++i)
    target.push_back(
        static_cast<std::int64_t>(random_below(labels, static_cast<std::uint64_t>(i), kClasses)));
  batch.target = from_data(target.data(), {training_case.batch_size});
  return batch;
}

// A model under a strategy, with its optimizer and batches. Two with the same case start with the same bits.
class Training {
 public:
  Training(const TrainingCase& training_case, const std::string& strategy) {
    model_ = make_model(training_case.model);
    const ModelInfo info = describe(*model_);
    const RunLength one_update{1, 1};
    const ResolvedPlan plan(make_strategy({strategy, {}, {}}, info, one_update).plan, info, one_update);
    apply_plan(*model_, plan, 0, {});
    for (int i = 0; i < kBatches; ++i) batches_.push_back(random_batch(training_case, i));
    optimizer_ = std::make_unique<AdamW>(model_->parameters(), AdamWOptions{});
    memory::reset_peak(kCpu);
    loaded_bytes_ = memory::usage(kCpu).total;
  }

  // One update; the mean loss before it.
  double step() {
    const Batch& batch = batches_[next_++ % batches_.size()];
    const double loss = forward_backward(*model_, batch, {}, 1.0, nullptr).item();
    optimizer_->step(kLearningRate);
    optimizer_->clear_grad();
    return loss;
  }

  Model& model() { return *model_; }

  // The most that was allocated at once, less the weights and the batches. Of the process: of one Training at
  // a time.
  std::int64_t peak_bytes() const { return memory::usage(kCpu).total_peak - loaded_bytes_; }

  // Weights and buffers by name, and the batches as "batch.N.x" and "batch.N.y".
  NamedTensors state() const {
    NamedTensors tensors;
    for (const ParameterPtr& parameter : model_->parameters())
      tensors.emplace_back(parameter->name, parameter->tensor);
    for (const BufferPtr& buffer : model_->buffers()) tensors.emplace_back(buffer->name, buffer->tensor);
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      const std::string name = "batch." + std::to_string(i);
      tensors.emplace_back(name + ".x", batches_[i].x.values);
      tensors.emplace_back(name + ".y", batches_[i].target);
    }
    return tensors;
  }

 private:
  std::unique_ptr<Model> model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<Batch> batches_;
  std::size_t next_ = 0;
  std::int64_t loaded_bytes_ = 0;
};

}  // namespace thaw::bench
