// SqueezeNet 1.1 (Iandola et al. 2016), an image classifier. Names are those of the original, in Caffe.
#pragma once

#include "nn/models/conv_net.h"

namespace thaw {

// The classifier `conv10` of the original is a 1x1 convolution whose outputs are averaged over the image. Here it is a
// Linear layer, its weight [outputs, channels], on the averages: the same numbers but for rounding. Dropout stands before
// it and falls on the averages, where the original drops single pixels.
class SqueezeNet : public ConvNet {
 public:
  SqueezeNet(const ModelConfig& config, const Init& init);

  const char* architecture() const override { return "squeezenet"; }
};

}  // namespace thaw
