// ResNet (He et al. 2016), an image classifier, with Hugging Face's names without the prefix "resnet.".
#pragma once

#include <string>
#include <vector>

#include "nn/models/conv_net.h"

namespace thaw {

class ResNet : public PrefixedConvNet {
 public:
  // The weights of convolutions are drawn from N(0, 2 / (outputs * kernel^2)) (He et al. 2015, "fan out").
  ResNet(const ModelConfig& config, const Init& init);

  const char* architecture() const override { return "resnet"; }
};

}  // namespace thaw
