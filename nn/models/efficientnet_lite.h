// EfficientNet-lite (Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020), an image classifier:
// EfficientNet (Tan & Le 2019) without squeeze-and-excitation, with ReLU6. Names are those of the PyTorch package
// efficientnet-lite-pytorch.
#pragma once

#include "nn/models/conv_net.h"

namespace thaw {

class EfficientNetLite : public ConvNet {
 public:
  EfficientNetLite(const ModelConfig& config, const Init& init);

  const char* architecture() const override { return "efficientnet-lite"; }
};

}  // namespace thaw
