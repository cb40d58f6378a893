#include "nn/models/cnn.h"

#include "core/error.h"
#include "core/ops.h"
#include "nn/models/architecture.h"

namespace thaw {
namespace {

std::unique_ptr<Conv2d> conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride, const Init& init) {
  return std::make_unique<Conv2d>(in, out, 3, init,
                                  ConvOptions{.stride = stride, .padding = 1, .bias = false});
}

}  // namespace

ResidualBlock::ResidualBlock(std::int64_t in, std::int64_t out, std::int64_t stride, const Init& init)
    : conv1_(add_module("conv1", conv3x3(in, out, stride, init.in("conv1")))),
      bn1_(add_module("bn1", std::make_unique<BatchNorm>(out, init.in("bn1")))),
      conv2_(add_module("conv2", conv3x3(out, out, 1, init.in("conv2")))),
      bn2_(add_module("bn2", std::make_unique<BatchNorm>(out, init.in("bn2")))) {
  if (stride == 1 && in == out) return;
  shortcut_conv_ =
      &add_module("downsample.0", std::make_unique<Conv2d>(in, out, 1, init.in("downsample.0"),
                                                           ConvOptions{.stride = stride, .bias = false}));
  shortcut_bn_ = &add_module("downsample.1", std::make_unique<BatchNorm>(out, init.in("downsample.1")));
}

Tensor ResidualBlock::forward(const Tensor& x) {
  const TraceScope trace(scope());
  // One statement for each op: in a nested call every intermediate result would live to the end of it.
  Tensor h = conv1_.forward(x);
  h = bn1_.forward(h);
  h = relu(h);
  h = conv2_.forward(h);
  h = bn2_.forward(h);
  Tensor shortcut = x;
  if (shortcut_conv_) {
    shortcut = shortcut_conv_->forward(x);
    shortcut = shortcut_bn_->forward(shortcut);
  }
  h = h + shortcut;
  return relu(h);
}

Cnn::Cnn(const ModelConfig& config, const Init& init) : sample_shape_(config.sample_shape) {
  if (sample_shape_.rank() != 3)
    fail_input("the cnn needs images [channels, height, width], but a sample is ", sample_shape_,
               "; use an mlp for tables");
  std::int64_t channels = config.width;
  conv_ = &add_module("stem.conv", conv3x3(sample_shape_[0], channels, 1, init.in("stem.conv")));
  bn_ = &add_module("stem.bn", std::make_unique<BatchNorm>(channels, init.in("stem.bn")));
  std::vector<Group> groups{{"stem", {"stem"}}};
  for (std::int64_t i = 0; i < config.depth; ++i) {
    const std::int64_t out = config.width << i;
    const std::string name = "layers." + std::to_string(i);
    blocks_.push_back(
        &add_module(name, std::make_unique<ResidualBlock>(channels, out, i == 0 ? 1 : 2, init.in(name))));
    groups.push_back({name, {name}});
    channels = out;
  }
  dropout_ = &add_module("dropout", std::make_unique<Dropout>(config.dropout));
  head_ = &add_module("head", std::make_unique<Linear>(channels, config.outputs, init.in("head")));
  groups.push_back({"head", {"head", "dropout"}});
  finish(std::move(groups));
}

void Cnn::run_group(int group, ModelState& state) {
  if (group > 0) {
    state.h = blocks_[static_cast<std::size_t>(group - 1)]->forward(state.h);
    return;
  }
  const TraceScope trace(conv_->scope());
  state.h = conv_->forward(state.h);
  state.h = bn_->forward(state.h);
  state.h = relu(state.h);
}

Tensor Cnn::pool(ModelState state) {
  const TraceScope trace(head_->scope());
  return flatten(adaptive_avg_pool2d(state.h, 1, 1), 1);
}

Tensor Cnn::output(const Tensor& features) {
  const TraceScope trace(head_->scope());
  return head_->forward(dropout_->forward(features));
}

void read_cnn(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  read_field(json, "width", path, config.width);
  read_field(json, "depth", path, config.depth);
  read_thaw_fields(json, path, config);
}

void write_cnn(const ModelConfig& config, nlohmann::ordered_json& json) {
  json["width"] = config.width;
  json["depth"] = config.depth;
  write_thaw_fields(config, json);
}

}  // namespace thaw
