#include "nn/models/squeezenet.h"

#include "core/error.h"
#include "core/ops.h"
#include "nn/io/json_file.h"
#include "nn/layers/conv.h"
#include "nn/models/architecture.h"
#include "nn/models/labels.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

const std::vector<StageKey> kFireKeys = {
    {"squeeze", &ConvStage::squeeze}, {"channels", &ConvStage::channels}, {"stride", &ConvStage::stride}};

class SqueezeNetStem : public ConvPart {
 public:
  SqueezeNetStem(std::int64_t in, std::int64_t out, const Init& init)
      : convolution_(add_module(
            "", std::make_unique<Conv2d>(in, out, 3, init, ConvOptions{.stride = 2, .same_padding = true}))) {
  }

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    return relu(convolution_.forward(x));
  }

 private:
  Conv2d& convolution_;
};

// A 1x1 convolution to few channels; then one of 1x1 and one of 3x3 give half of the channels each. Where the stride is 2
// max pooling stands before it.
class Fire : public ConvPart {
 public:
  Fire(std::int64_t in, const ConvStage& fire, const Init& init)
      : pools_(fire.stride == 2),
        squeeze_(add("squeeze1x1", in, fire.squeeze, 1, init)),
        expand1_(add("expand1x1", fire.squeeze, fire.channels / 2, 1, init)),
        expand3_(add("expand3x3", fire.squeeze, fire.channels / 2, 3, init)) {}

  Tensor forward(const Tensor& x) override {
    const TraceScope trace(scope());
    Tensor h = pools_ ? max_pool2d(x, {.size = {3, 3}, .stride = {2, 2}}) : x;
    h = relu(squeeze_.forward(h));
    return concatenate({relu(expand1_.forward(h)), relu(expand3_.forward(h))}, 1);
  }

 private:
  Conv2d& add(const char* name, std::int64_t in, std::int64_t out, std::int64_t kernel, const Init& init) {
    return add_module(
        name, std::make_unique<Conv2d>(in, out, kernel, init.in(name), ConvOptions{.padding = kernel / 2}));
  }

  bool pools_;
  Conv2d& squeeze_;
  Conv2d& expand1_;
  Conv2d& expand3_;
};

// The smallest image of which something is left: its half, and of that what each pooling without padding needs.
std::int64_t least_image(const ConvNetConfig& config) {
  std::int64_t least = 1;
  for (const ConvStage& fire : config.stages)
    if (fire.stride == 2) least = std::min(2 * least + 1, kLargestImageSide);
  return 2 * least - 1;
}

}  // namespace

SqueezeNet::SqueezeNet(const ModelConfig& config, const Init& init) : ConvNet(config) {
  const ConvNetConfig& c = config.conv_net;
  check_image_size(config, least_image(c));
  add_group("stem");
  add_part("conv1",
           std::make_unique<SqueezeNetStem>(config.sample_shape[0], c.stem_channels, init.in("conv1")));
  std::int64_t channels = c.stem_channels;
  for (std::size_t i = 0; i < c.stages.size(); ++i) {
    const std::string name = concat("fire", i + 2);
    add_group(name);
    add_part(name, std::make_unique<Fire>(channels, c.stages[i], init.in(name)));
    channels = c.stages[i].channels;
  }
  finish_with_classifier("conv10", channels, config, init);
}

void read_squeezenet(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  ConvNetConfig& c = config.conv_net;
  read_image_shape(json, path, config);
  read_field(json, "stem_channels", path, c.stem_channels);
  read_field(json, "dropout", path, config.dropout);
  read_stages(json, path, kFireKeys, c);
  check_conv_net_in(c, path);
  for (std::size_t i = 0; i < c.stages.size(); ++i) {
    const ConvStage& fire = c.stages[i];
    const std::string place = concat(path, ", stage ", i);
    check_size_in("number of squeezed channels", fire.squeeze, 1 << 16, place);
    check_size_in("stride", fire.stride, 2, place);
    if (fire.channels % 2 != 0)
      fail_input("the model's number of channels is ", fire.channels, " (", place,
                 "); half of them come from each convolution: make it even");
  }
  check_probability("dropout", config.dropout, path);
  read_labels(json, path, config);
}

void write_squeezenet(const ModelConfig& config, nlohmann::ordered_json& json) {
  const ConvNetConfig& c = config.conv_net;
  write_image_shape(config, json);
  json["stem_channels"] = c.stem_channels;
  write_stages(c, kFireKeys, json);
  json["dropout"] = config.dropout;
  write_labels(config, json);
}

}  // namespace thaw
