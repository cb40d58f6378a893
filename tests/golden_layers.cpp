// Every layer, activation, pool and loss against PyTorch: output, gradients of inputs and parameters, buffers
// afterwards. The numbers come from golden/make_golden.py.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "core/ops.h"
#include "finetune/model/snapshot.h"
#include "kernels/kernels.h"
#include "nn/layers/attention.h"
#include "nn/layers/conv.h"
#include "nn/layers/dropout.h"
#include "nn/layers/embedding.h"
#include "nn/layers/linear.h"
#include "nn/layers/norm.h"
#include "tests/golden/golden.h"

namespace thaw::test {
namespace {

const SafetensorsFile& layers_file() {
  static const SafetensorsFile file = open_golden("layers.safetensors");
  return file;
}

// One case of the file: gives its inputs and parameters, and remembers which gradients to look at.
class Replay {
 public:
  explicit Replay(std::string name) : name_(std::move(name)) {}

  Tensor input(const std::string& name = "x") {
    Tensor x = load("x." + name);
    if (has("g." + name)) {
      x.set_requires_grad();
      leaves_[name] = x;
    }
    return x;
  }

  // The module with the file's parameters and buffers; what has no gradient there is frozen.
  template <class M>
  M& set_up(M& module) {
    module.set_path("");
    for (const ParameterPtr& parameter : module.parameters()) {
      copy_into(parameter->tensor, "p." + parameter->name);
      parameter->set_requires_grad(has("g." + parameter->name));
      if (parameter->requires_grad()) leaves_[parameter->name] = parameter->tensor;
    }
    for (const BufferPtr& buffer : module.buffers()) copy_into(buffer->tensor, "p." + buffer->name);
    return module;
  }

  void check(const Tensor& y) {
    EXPECT_TRUE(all_close(y, load("y"), 1e-5, 1e-5));
    if (leaves_.empty()) return;
    y.backward(load("dy"));
    Gradients gradients;
    for (const auto& [name, leaf] : leaves_) gradients[name] = {leaf.grad(), load("g." + name)};
    expect_gradients(gradients);
  }

  void check_buffers(const Module& module) {
    for (const BufferPtr& buffer : module.buffers())
      EXPECT_TRUE(all_close(buffer->tensor, load("after." + buffer->name), 1e-5, 1e-6)) << buffer->name;
  }

  Tensor load(const std::string& name) const { return layers_file().load(name_ + "." + name); }
  bool has(const std::string& name) const { return layers_file().contains(name_ + "." + name); }

 private:
  void copy_into(Tensor to, const std::string& name) const {
    const NoGrad no_grad;
    ASSERT_EQ(to.shape().str(), load(name).shape().str()) << name;
    const Tensor from = load(name);
    kernels::copy(to, from);
  }

  std::string name_;
  std::map<std::string, Tensor> leaves_;
};

struct LayerCase {
  const char* name;
  std::function<void(Replay&)> run;
};

// A layer M(args...) on the input x.
template <class M, class... Args>
LayerCase layer(const char* name, Args... args) {
  return {name, [args...](Replay& replay) {
            M module(args...);
            replay.set_up(module);
            replay.check(module.forward(replay.input()));
            replay.check_buffers(module);
          }};
}

// A function of the input x alone.
LayerCase function(const char* name, Tensor (*f)(const Tensor&)) {
  return {name, [f](Replay& replay) { replay.check(f(replay.input())); }};
}

// Evaluation mode, or training with both statistics' switches off: the same numbers.
LayerCase still_batch_norm(const char* name, bool training) {
  return {name, [training](Replay& replay) {
            BatchNorm module(4, {});
            replay.set_up(module);
            module.train(training);
            module.set_update_statistics(false);
            module.set_batch_statistics(false);
            replay.check(module.forward(replay.input()));
            replay.check_buffers(module);
          }};
}

LayerCase cross_entropy_case(const char* name, CrossEntropyOptions options, bool weighted) {
  return {name, [options, weighted](Replay& replay) {
            CrossEntropyOptions with_weight = options;
            if (weighted) with_weight.weight = layers_file().load("cross_entropy.class_weight");
            replay.check(cross_entropy(replay.input(), replay.input("target"), with_weight));
          }};
}

void run_embedding(Replay& replay) {
  Embedding module(7, 4, {});
  replay.set_up(module);
  replay.check(module.forward(replay.input("ids")));
}

void run_attention(Replay& replay) {
  MultiHeadAttention module(8, 2, {});
  replay.set_up(module);
  replay.check(module.forward(replay.input("query"), replay.input("key"), replay.input("value")));
}

void run_causal_attention(Replay& replay) {
  MultiHeadAttention module(8, 4, {});
  replay.set_up(module);
  const Tensor x = replay.input();
  const Tensor place = arange(4);
  const Tensor mask = ge(place.reshape({4, 1}), place.reshape({1, 4}));
  replay.check(module.forward(x, x, x, mask));
}

void run_inactive_dropout(Replay& replay) {
  Dropout module(0.5);
  module.set_active(false);
  const Tensor x = replay.input();
  replay.check(module.forward(x));
  module.set_active(true);
  module.train(false);
  EXPECT_TRUE(module.forward(x).is_same(x));
}

// PoolParams of square windows.
PoolParams window(std::int64_t size, std::int64_t stride, std::int64_t padding) {
  return {{size, size}, {stride, stride}, {padding, padding}};
}

std::vector<LayerCase> layer_cases() {
  return {
      layer<Linear>("linear", 5, 6, Init{}),
      layer<Linear>("linear_no_bias", 5, 6, Init{}, false),
      layer<Conv1d>("conv1d", 3, 4, 3, Init{}),
      layer<Conv1d>("conv1d_stride_padding", 3, 4, 3, Init{}, ConvOptions{2, 1}),
      layer<Conv1d>("conv1d_dilation_groups", 4, 6, 3, Init{}, ConvOptions{1, 2, 2, 2, false}),
      layer<Conv2d>("conv2d", 3, 4, 3, Init{}),
      layer<Conv2d>("conv2d_stride_padding", 3, 4, 3, Init{}, ConvOptions{2, 1, 1, 1, false}),
      layer<Conv2d>("conv2d_dilation_groups", 4, 6, 3, Init{}, ConvOptions{1, 2, 2, 2}),
      layer<Conv2d>("conv2d_depthwise", 4, 4, 3, Init{}, ConvOptions{1, 1, 1, 4}),
      layer<Conv2d>("conv2d_pointwise_stride", 4, 6, 1, Init{}, ConvOptions{2, 0, 1, 1, false}),
      layer<LayerNorm>("layer_norm", 8, Init{}),
      layer<RmsNorm>("rms_norm", 8, Init{}),
      layer<GroupNorm>("group_norm", 2, 6, Init{}),
      layer<BatchNorm>("batch_norm_train", 4, Init{}),
      layer<BatchNorm>("batch_norm_train_rows", 4, Init{}),
      still_batch_norm("batch_norm_eval", false),
      still_batch_norm("batch_norm_frozen", true),
      {"embedding", run_embedding},
      {"attention", run_attention},
      {"attention_causal", run_causal_attention},
      {"dropout_off", run_inactive_dropout},
  };
}

std::vector<LayerCase> function_cases() {
  return {
      function("relu", relu),
      function("gelu", gelu),
      function("gelu_tanh", gelu_tanh),
      function("silu", silu),
      function("sigmoid", sigmoid),
      function("tanh", tanh),
      function("softplus", softplus),
      function("softmax", [](const Tensor& x) { return softmax(x); }),
      function("log_softmax", [](const Tensor& x) { return log_softmax(x, 1); }),
      function("max_pool1d", [](const Tensor& x) { return max_pool1d(x, 3, 2, 1); }),
      function("avg_pool1d", [](const Tensor& x) { return avg_pool1d(x, 3, 2); }),
      function("adaptive_avg_pool1d", [](const Tensor& x) { return adaptive_avg_pool1d(x, 4); }),
      function("max_pool2d", [](const Tensor& x) { return max_pool2d(x, window(3, 2, 1)); }),
      function("avg_pool2d", [](const Tensor& x) { return avg_pool2d(x, window(2, 2, 0)); }),
      function("avg_pool2d_padding", [](const Tensor& x) { return avg_pool2d(x, window(3, 2, 1)); }),
      function("adaptive_avg_pool2d", [](const Tensor& x) { return adaptive_avg_pool2d(x, 2, 3); }),
      function("global_avg_pool2d", [](const Tensor& x) { return adaptive_avg_pool2d(x, 1, 1); }),
  };
}

std::vector<LayerCase> loss_cases() {
  CrossEntropyOptions plain, summed, smoothed, everything, pixels;
  summed.reduction = Reduction::sum;
  smoothed.label_smoothing = pixels.label_smoothing = 0.1;
  everything.label_smoothing = 0.2;
  return {
      cross_entropy_case("cross_entropy", plain, false),
      cross_entropy_case("cross_entropy_sum", summed, false),
      cross_entropy_case("cross_entropy_smoothing", smoothed, false),
      cross_entropy_case("cross_entropy_ignore", plain, false),
      cross_entropy_case("cross_entropy_weight", plain, true),
      cross_entropy_case("cross_entropy_everything", everything, true),
      cross_entropy_case("cross_entropy_pixels", pixels, true),
      {"mse", [](Replay& r) { r.check(mse_loss(r.input("input"), r.input("target"))); }},
      {"mse_sum", [](Replay& r) { r.check(mse_loss(r.input("input"), r.input("target"), Reduction::sum)); }},
      {"bce", [](Replay& r) { r.check(bce_with_logits(r.input("input"), r.input("target"))); }},
  };
}

void replay_all(const std::vector<LayerCase>& cases) {
  for (const LayerCase& one : cases) {
    SCOPED_TRACE(one.name);
    Replay replay(one.name);
    one.run(replay);
  }
}

TEST(Layers, EqualPyTorch) { replay_all(layer_cases()); }
TEST(Functions, EqualPyTorch) { replay_all(function_cases()); }
TEST(Losses, EqualPyTorch) { replay_all(loss_cases()); }

TEST(GoldenLayers, EveryCaseOfTheFileIsReplayed) {
  std::set<std::string> in_file, replayed;
  for (const SafetensorsEntry& entry : layers_file().entries())
    in_file.insert(entry.name.substr(0, entry.name.find('.')));
  for (const auto& cases : {layer_cases(), function_cases(), loss_cases()})
    for (const LayerCase& one : cases) replayed.insert(one.name);
  EXPECT_EQ(in_file, replayed);
}

}  // namespace
}  // namespace thaw::test
