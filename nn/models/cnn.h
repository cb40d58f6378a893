// A small residual convolutional network with batch norm (after He et al. 2016): a stem, blocks that halve
// the image and double the channels, global average pooling, a linear head.
#pragma once

#include <vector>

#include "nn/layers/conv.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/layers/norm.h"
#include "nn/models/registry.h"

namespace thaw {

// y = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)); the shortcut is a 1x1 convolution with batch norm
// (downsample.0, downsample.1) where the shape changes.
class ResidualBlock : public Module {
 public:
  ResidualBlock(std::int64_t in, std::int64_t out, std::int64_t stride, const Init& init);
  Tensor forward(const Tensor& x);

 private:
  Conv2d& conv1_;
  BatchNorm& bn1_;
  Conv2d& conv2_;
  BatchNorm& bn2_;
  Conv2d* shortcut_conv_ = nullptr;
  BatchNorm* shortcut_bn_ = nullptr;
};

class Cnn : public Model {
 public:
  Cnn(const ModelConfig& config, const Init& init);
  // x [B, C, H, W] -> [B, outputs].
  ModelState begin(const ModelInput& x) override { return {x, x.values}; }
  void run_group(int group, ModelState& state) override;
  Tensor pool(ModelState state) override;
  Tensor output(const Tensor& features) override;
  const char* architecture() const override { return "cnn"; }
  Shape sample_shape() const override { return sample_shape_; }

 private:
  Shape sample_shape_;
  Conv2d* conv_;
  BatchNorm* bn_;
  std::vector<ResidualBlock*> blocks_;
  Dropout* dropout_;
  Linear* head_;
};

}  // namespace thaw
