#include "nn/models/efficientnet_lite.h"

#include "core/error.h"
#include "core/ops.h"
#include "nn/io/json_file.h"
#include "nn/layers/conv.h"
#include "nn/layers/norm.h"
#include "nn/models/architecture.h"
#include "nn/models/labels.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

const std::vector<StageKey> kStageKeys = {{"channels", &ConvStage::channels},
                                          {"depth", &ConvStage::depth},
                                          {"kernel", &ConvStage::kernel},
                                          {"stride", &ConvStage::stride},
                                          {"expansion", &ConvStage::expansion}};

struct LiteConvNormNames {
  const char *convolution, *norm;
};

// A convolution with "same" padding, batch norm and, if `activated`, ReLU6; its modules lie in the one that it is part
// of.
class LiteConvNorm : public ConvPart {
 public:
  struct Options {
    std::int64_t kernel = 1, stride = 1, groups = 1;
    bool activated = true;
  };

  LiteConvNorm(const LiteConvNormNames& names, std::int64_t in, std::int64_t out, const Options& options,
               const ConvNetConfig& config, const Init& init)
      : convolution_(add_module(names.convolution,
                                std::make_unique<Conv2d>(in, out, options.kernel, init.in(names.convolution),
                                                         ConvOptions{.stride = options.stride,
                                                                     .groups = options.groups,
                                                                     .bias = false,
                                                                     .same_padding = true}))),
        norm_(add_module(names.norm, std::make_unique<BatchNorm>(out, init.in(names.norm), config.norm_eps,
                                                                 config.norm_momentum))),
        activated_(options.activated) {}

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(convolution_.scope());
    Tensor h = convolution_.forward(x);
    h = norm_.forward(h);
    return activated_ ? clamp(h, 0, 6) : h;
  }

 private:
  Conv2d& convolution_;
  BatchNorm& norm_;
  bool activated_;
};

// An inverted bottleneck (Sandler et al. 2018): a 1x1 convolution to more channels, unless they stay as many, one within
// each channel, and a 1x1 convolution to fewer; x is added where the shape is the same.
class InvertedBottleneck : public ConvPart {
 public:
  InvertedBottleneck(std::int64_t in, const ConvStage& stage, std::int64_t stride,
                     const ConvNetConfig& config, const Init& init)
      : adds_input_(stride == 1 && in == stage.channels) {
    const std::int64_t inside = in * stage.expansion;
    const auto add = [&](const LiteConvNormNames& names, std::int64_t from, std::int64_t to,
                         const LiteConvNorm::Options& options) {
      parts_.push_back(
          &add_module("", std::make_unique<LiteConvNorm>(names, from, to, options, config, init)));
    };
    if (stage.expansion != 1) add({"_expand_conv", "_bn0"}, in, inside, {});
    add({"_depthwise_conv", "_bn1"}, inside, inside,
        {.kernel = stage.kernel, .stride = stride, .groups = inside});
    add({"_project_conv", "_bn2"}, inside, stage.channels, {.activated = false});
  }

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    Tensor h = x;
    for (LiteConvNorm* part : parts_) h = part->forward(h);
    return adds_input_ ? h + x : h;
  }

 private:
  std::vector<LiteConvNorm*> parts_;
  bool adds_input_;
};

}  // namespace

EfficientNetLite::EfficientNetLite(const ModelConfig& config, const Init& init) : ConvNet(config) {
  const ConvNetConfig& c = config.conv_net;
  add_group("stem");
  add_part(std::make_unique<LiteConvNorm>(LiteConvNormNames{"_conv_stem", "_bn0"}, config.sample_shape[0],
                                          c.stem_channels, LiteConvNorm::Options{.kernel = 3, .stride = 2}, c,
                                          init),
           {"_conv_stem", "_bn0"});
  std::int64_t channels = c.stem_channels, blocks = 0;
  for (std::size_t i = 0; i < c.stages.size(); ++i) {
    const ConvStage& stage = c.stages[i];
    add_group(concat("stages.", i));
    for (std::int64_t j = 0; j < stage.depth; ++j) {
      const std::string path = concat("_blocks.", blocks++);
      add_part(path, std::make_unique<InvertedBottleneck>(channels, stage, j == 0 ? stage.stride : 1, c,
                                                          init.in(path)));
      channels = stage.channels;
    }
  }
  add_group("conv_head");
  add_part(std::make_unique<LiteConvNorm>(LiteConvNormNames{"_conv_head", "_bn1"}, channels, c.last_channels,
                                          LiteConvNorm::Options{}, c, init),
           {"_conv_head", "_bn1"});
  finish_with_classifier("_fc", c.last_channels, config, init);
}

void read_efficientnet_lite(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  ConvNetConfig& c = config.conv_net;
  read_image_shape(json, path, config);
  read_field(json, "stem_channels", path, c.stem_channels);
  read_field(json, "last_channels", path, c.last_channels);
  read_field(json, "batch_norm_eps", path, c.norm_eps);
  read_field(json, "batch_norm_momentum", path, c.norm_momentum);
  read_field(json, "dropout", path, config.dropout);
  read_stages(json, path, kStageKeys, c);
  check_conv_net_in(c, path);
  check_size_in("number of the last convolution's channels", c.last_channels, 1 << 16, path);
  check_not_negative("batch norm's epsilon", c.norm_eps, path);
  check_probability("batch norm's momentum", c.norm_momentum, path);
  check_probability("dropout", config.dropout, path);
  read_labels(json, path, config);
}

void write_efficientnet_lite(const ModelConfig& config, nlohmann::ordered_json& json) {
  const ConvNetConfig& c = config.conv_net;
  write_image_shape(config, json);
  json["stem_channels"] = c.stem_channels;
  write_stages(c, kStageKeys, json);
  json["last_channels"] = c.last_channels;
  json["batch_norm_eps"] = c.norm_eps;
  json["batch_norm_momentum"] = c.norm_momentum;
  json["dropout"] = config.dropout;
  write_labels(config, json);
}

}  // namespace thaw
