// Multi-layer perceptron: layers.N (hidden, each with its activation and dropout) and head.
#pragma once

#include <vector>

#include "nn/layers/activation.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/models/registry.h"

namespace thaw {

class Mlp : public Model {
 public:
  Mlp(const ModelConfig& config, const Init& init);
  // x [B, ...] of any sample shape, flattened -> [B, outputs].
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;
  Tensor pool(ModelState state) override { return state.h; }
  Tensor output(const Tensor& features) override { return head_->forward(features); }
  const char* architecture() const override { return "mlp"; }
  Shape sample_shape() const override { return sample_shape_; }

 private:
  Shape sample_shape_;
  Activation activation_;
  std::vector<Linear*> layers_;
  std::vector<Dropout*> dropouts_;
  Linear* head_;
};

}  // namespace thaw
