#include "nn/models/resnet.h"

#include <cmath>

#include "core/error.h"
#include "core/ops.h"
#include "nn/io/safetensors_header.h"
#include "nn/layers/activation.h"
#include "nn/layers/conv.h"
#include "nn/layers/norm.h"
#include "nn/models/architecture.h"
#include "nn/models/labels.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

constexpr std::string_view kResNetPrefix = "resnet.";  // of the backbone's names in a classifier's checkpoint
constexpr std::int64_t kReduction = 4;  // a bottleneck's channels are a quarter of those it gives

// Convolution, batch norm and, unless it is null, an activation.
class ResNetConvLayer : public ConvPart {
 public:
  ResNetConvLayer(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                  Activation activation, const Init& init)
      : convolution_(add_module(
            "convolution",
            std::make_unique<Conv2d>(in, out, kernel, init.in("convolution"),
                                     ConvOptions{.stride = stride, .padding = kernel / 2, .bias = false}))),
        normalization_(
            add_module("normalization", std::make_unique<BatchNorm>(out, init.in("normalization")))),
        activation_(activation) {}

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    Tensor h = convolution_.forward(x);
    h = normalization_.forward(h);
    return activation_ == nullptr ? h : activation_(h);
  }

 private:
  Conv2d& convolution_;
  BatchNorm& normalization_;
  Activation activation_;
};

class ResNetEmbeddings : public ConvPart {
 public:
  ResNetEmbeddings(std::int64_t in, std::int64_t out, Activation activation, const Init& init)
      : embedder_(add_module(
            "embedder", std::make_unique<ResNetConvLayer>(in, out, 7, 2, activation, init.in("embedder")))) {}

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    return max_pool2d(embedder_.forward(x), {.size = {3, 3}, .stride = {2, 2}, .padding = {1, 1}});
  }

 private:
  ResNetConvLayer& embedder_;
};

// y = activation(layer(x) + shortcut(x)); between the convolutions of `layer` stands ReLU, whatever `activation` is.
class ResNetBlock : public ConvPart {
 public:
  ResNetBlock(std::int64_t in, std::int64_t out, std::int64_t stride, const ConvNetConfig& config,
              const Init& init)
      : activation_(activation_named(config.activation)) {
    if (in != out || stride != 1)
      shortcut_ = &add_module(
          "shortcut", std::make_unique<ResNetConvLayer>(in, out, 1, stride, nullptr, init.in("shortcut")));
    const auto add = [&](std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t step,
                         Activation activation) {
      const std::string name = concat("layer.", layer_.size());
      layer_.push_back(&add_module(
          name, std::make_unique<ResNetConvLayer>(from, to, kernel, step, activation, init.in(name))));
    };
    if (!config.bottleneck) {
      add(in, out, 3, stride, relu);
      add(out, out, 3, 1, nullptr);
      return;
    }
    const std::int64_t reduced = out / kReduction;
    const bool first = config.stride_in_first_conv;
    add(in, reduced, 1, first ? stride : 1, relu);
    add(reduced, reduced, 3, first ? 1 : stride, relu);
    add(reduced, out, 1, 1, nullptr);
  }

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    Tensor h = x;
    for (ResNetConvLayer* layer : layer_) h = layer->forward(h);
    h = h + (shortcut_ == nullptr ? x : shortcut_->forward(x));
    return activation_(h);
  }

 private:
  ResNetConvLayer* shortcut_ = nullptr;
  std::vector<ResNetConvLayer*> layer_;
  Activation activation_;
};

void draw_convolutions(const Model& model, const Init& init) {
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : model.parameters()) {
    Tensor& tensor = parameter->tensor;
    if (tensor.rank() != 4) continue;
    const double fan_out = static_cast<double>(tensor.size(0) * tensor.size(2) * tensor.size(3));
    kernels::copy(tensor, init.normal(tensor.shape(), std::sqrt(2 / fan_out), parameter->name));
  }
}

}  // namespace

ResNet::ResNet(const ModelConfig& config, const Init& init) : PrefixedConvNet(config, kResNetPrefix) {
  const ConvNetConfig& c = config.conv_net;
  add_group("stem");
  add_part("embedder",
           std::make_unique<ResNetEmbeddings>(config.sample_shape[0], c.stem_channels,
                                              activation_named(c.activation), init.in("embedder")));
  std::int64_t channels = c.stem_channels;
  for (std::size_t i = 0; i < c.stages.size(); ++i) {
    const ConvStage& stage = c.stages[i];
    add_group(concat("stages.", i));
    for (std::int64_t j = 0; j < stage.depth; ++j) {
      const std::string path = concat("encoder.stages.", i, ".layers.", j);
      add_part(path, std::make_unique<ResNetBlock>(channels, stage.channels, j == 0 ? stage.stride : 1, c,
                                                   init.in(path)));
      channels = stage.channels;
    }
  }
  finish_with_classifier("classifier.1", channels, config, init);
  draw_convolutions(*this, init);
}

void read_resnet(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  ConvNetConfig& c = config.conv_net;
  std::string layer_type = "bottleneck";
  bool stride_in_first_stage = false;
  c.stem_channels = 64;
  read_image_shape(json, path, config);
  read_hidden_stages(json, path, c);
  read_optional_field(json, "embedding_size", path, c.stem_channels);
  read_optional_field(json, "layer_type", path, layer_type);
  read_optional_field(json, "hidden_act", path, c.activation);
  read_optional_field(json, "downsample_in_first_stage", path, stride_in_first_stage);
  read_optional_field(json, "downsample_in_bottleneck", path, c.stride_in_first_conv);
  if (layer_type != "basic" && layer_type != "bottleneck")
    fail_input("a ResNet with layer_type ", quoted_name(layer_type), " (", path,
               ") is not in this version; it has basic and bottleneck");
  c.bottleneck = layer_type == "bottleneck";
  check_conv_net_in(c, path);
  if (stride_in_first_stage) c.stages.front().stride = 2;
  for (const ConvStage& stage : c.stages)
    if (c.bottleneck && stage.channels < kReduction)
      fail_input("a bottleneck of ", stage.channels, " channels (", path, ") has none within; use ",
                 kReduction, " or more");
  read_labels(json, path, config);
}

void write_resnet(const ModelConfig& config, nlohmann::ordered_json& json) {
  json["architectures"] = {"ResNetForImageClassification"};
  write_image_shape(config, json);
  write_labels(config, json);
}

}  // namespace thaw
