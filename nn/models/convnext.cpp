#include "nn/models/convnext.h"

#include "core/error.h"
#include "core/ops.h"
#include "nn/layers/activation.h"
#include "nn/layers/conv.h"
#include "nn/models/architecture.h"
#include "nn/models/labels.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

constexpr std::string_view kConvNextPrefix =
    "convnext.";                        // of the backbone's names in a classifier's checkpoint
constexpr double kNormEps = 1e-6;       // of all norms but the last
constexpr std::int64_t kExpansion = 4;  // within a block
constexpr std::int64_t kDownsampling = 2;
constexpr const char* kBlockEnd = "pwconv2";

Tensor channels_last(const Tensor& x) { return permute(x, {0, 2, 3, 1}); }
Tensor channels_first(const Tensor& x) { return permute(x, {0, 3, 1, 2}); }

// A convolution whose stride is its kernel, and a norm over channels after it.
class ConvNextEmbeddings : public ConvPart {
 public:
  ConvNextEmbeddings(std::int64_t in, std::int64_t out, std::int64_t patch, const Init& init)
      : patches_(add_module("patch_embeddings",
                            std::make_unique<Conv2d>(in, out, patch, init.in("patch_embeddings"),
                                                     ConvOptions{.stride = patch}))),
        norm_(add_module("layernorm", std::make_unique<LayerNorm>(out, init.in("layernorm"), kNormEps))) {}

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    return channels_first(norm_.forward(channels_last(patches_.forward(x))));
  }

 private:
  Conv2d& patches_;
  LayerNorm& norm_;
};

// The same the other way round, between two stages.
class ConvNextDownsampling : public ConvPart {
 public:
  ConvNextDownsampling(std::int64_t in, std::int64_t out, const Init& init)
      : norm_(add_module("0", std::make_unique<LayerNorm>(in, init.in("0"), kNormEps))),
        convolution_(add_module("1", std::make_unique<Conv2d>(in, out, kDownsampling, init.in("1"),
                                                              ConvOptions{.stride = kDownsampling}))) {}

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    return convolution_.forward(channels_first(norm_.forward(channels_last(x))));
  }

 private:
  LayerNorm& norm_;
  Conv2d& convolution_;
};

// y = x + scale * pwconv2(activation(pwconv1(norm(dwconv(x)))))
class ConvNextBlock : public ConvPart {
 public:
  ConvNextBlock(std::int64_t channels, const ConvNetConfig& config, const Init& init)
      : depthwise_(
            add_module("dwconv", std::make_unique<Conv2d>(channels, channels, 7, init.in("dwconv"),
                                                          ConvOptions{.padding = 3, .groups = channels}))),
        norm_(add_module("layernorm", std::make_unique<LayerNorm>(channels, init.in("layernorm"), kNormEps))),
        first_(add_module("pwconv1",
                          std::make_unique<Linear>(channels, kExpansion * channels, init.in("pwconv1")))),
        second_(add_module(kBlockEnd,
                           std::make_unique<Linear>(kExpansion * channels, channels, init.in(kBlockEnd)))),
        activation_(activation_named(config.activation)) {
    // A scale of channels is trained and decayed as a norm's.
    if (config.layer_scale > 0)
      scale_ = add_parameter("layer_scale_parameter", init.constant({channels}, config.layer_scale),
                             ParameterKind::norm);
  }

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    Tensor h = depthwise_.forward(x);
    h = norm_.forward(channels_last(h));
    h = first_.forward(h);
    h = activation_(h);
    h = second_.forward(h);
    if (scale_ != nullptr) h = scale_->tensor * h;
    return x + channels_first(h);
  }

 private:
  Conv2d& depthwise_;
  LayerNorm& norm_;
  Linear& first_;
  Linear& second_;
  ParameterPtr scale_;
  Activation activation_;
};

}  // namespace

ConvNext::ConvNext(const ModelConfig& config, const Init& init) : PrefixedConvNet(config, kConvNextPrefix) {
  const ConvNetConfig& c = config.conv_net;
  std::int64_t least = c.patch_size;
  for (const ConvStage& stage : c.stages) least = std::min(least * stage.stride, kLargestImageSide);
  check_image_size(config, least);
  std::int64_t channels = c.stages.front().channels;
  add_group("stem");
  add_part("embeddings", std::make_unique<ConvNextEmbeddings>(config.sample_shape[0], channels, c.patch_size,
                                                              init.in("embeddings")));
  for (std::size_t i = 0; i < c.stages.size(); ++i) {
    const ConvStage& stage = c.stages[i];
    const std::string path = concat("encoder.stages.", i);
    add_group(concat("stages.", i));
    if (i > 0) {
      const std::string name = path + ".downsampling_layer";
      add_part(name, std::make_unique<ConvNextDownsampling>(channels, stage.channels, init.in(name)));
    }
    channels = stage.channels;
    for (std::int64_t j = 0; j < stage.depth; ++j) {
      const std::string name = concat(path, ".layers.", j);
      add_part(name, std::make_unique<ConvNextBlock>(channels, c, init.in(name)));
    }
  }
  norm_ = &add_module("layernorm", std::make_unique<LayerNorm>(channels, init.in("layernorm"), c.norm_eps));
  finish_with_classifier("classifier", channels, config, init, {"layernorm"});
  init_transformer(*this, c.initializer_range, init);
}

std::vector<std::string> ConvNext::bottleneck_targets() const { return {kBlockEnd}; }

void read_convnext(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  ConvNetConfig& c = config.conv_net;
  c.activation = "gelu";
  c.norm_eps = 1e-12;
  double drop_path = 0;
  read_image_shape(json, path, config);
  read_hidden_stages(json, path, c);
  auto stages = static_cast<std::int64_t>(c.stages.size());
  read_optional_field(json, "num_stages", path, stages);
  read_optional_field(json, "patch_size", path, c.patch_size);
  read_optional_field(json, "hidden_act", path, c.activation);
  read_optional_field(json, "layer_norm_eps", path, c.norm_eps);
  read_optional_field(json, "layer_scale_init_value", path, c.layer_scale);
  read_optional_field(json, "initializer_range", path, c.initializer_range);
  read_optional_field(json, "drop_path_rate", path, drop_path);
  if (stages != static_cast<std::int64_t>(c.stages.size()))
    fail_input("'num_stages' is ", stages, ", and 'hidden_sizes' has ", c.stages.size(), " (", path,
               "); make the folder again");
  if (drop_path != 0)
    fail_input("a ConvNeXt with drop_path_rate = ", drop_path, " (", path,
               ") is not in this version; set it to 0");
  if (!c.stages.empty()) c.stem_channels = c.stages.front().channels;
  check_conv_net_in(c, path);
  check_size_in("patch size", c.patch_size, 1 << 8, path);
  check_not_negative("layer norm's epsilon", c.norm_eps, path);
  check_not_negative("layer scale", c.layer_scale, path);
  check_not_negative("initializer range", c.initializer_range, path);
  read_labels(json, path, config);
}

void write_convnext(const ModelConfig& config, nlohmann::ordered_json& json) {
  json["architectures"] = {"ConvNextForImageClassification"};
  write_image_shape(config, json);
  write_labels(config, json);
}

}  // namespace thaw
