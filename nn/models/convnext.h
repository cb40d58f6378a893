// ConvNeXt (Liu et al. 2022), an image classifier, with Hugging Face's names without the prefix "convnext.".
#pragma once

#include <string>
#include <vector>

#include "nn/layers/norm.h"
#include "nn/models/conv_net.h"

namespace thaw {

class ConvNext : public PrefixedConvNet {
 public:
  // The weights are drawn from N(0, initializer_range^2).
  ConvNext(const ModelConfig& config, const Init& init);

  Tensor head_features(const Tensor& pooled) override { return norm_->forward(pooled); }
  const char* architecture() const override { return "convnext"; }
  std::vector<std::string> bottleneck_targets() const override;  // what a block ends with

 private:
  LayerNorm* norm_;
};

}  // namespace thaw
