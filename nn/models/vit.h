// ViT (Dosovitskiy et al. 2021), an image classifier: the image is cut into patches, and a class token before
// them gathers what the classifier sees. Names are Hugging Face's, without the prefix "vit.".
#pragma once

#include <string_view>
#include <vector>

#include "nn/layers/conv.h"
#include "nn/models/transformer.h"

namespace thaw {

// Patches as vectors (a convolution whose stride is its kernel), the class token before them, positions
// added.
class VitEmbeddings : public Module {
 public:
  VitEmbeddings(const ModelConfig& config, const Init& init);
  Tensor forward(const Tensor& images);  // [B, C, H, W] -> [B, 1 + patches, hidden size]

 private:
  ParameterPtr class_token_;  // [1, 1, hidden size]
  ParameterPtr positions_;    // [1, 1 + patches, hidden size]
  Conv2d& projection_;
  Dropout& dropout_;
};

class Vit : public Model {
 public:
  // The weights are drawn from N(0, initializer_range^2).
  Vit(const ModelConfig& config, const Init& init);

  // Images [B, C, H, W] -> logits [B, outputs].
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;
  Tensor pool(ModelState state) override;  // the class token's state [B, hidden]
  Tensor head_features(const Tensor& pooled) override { return norm_->forward(pooled); }
  Tensor output(const Tensor& features) override { return classifier_->forward(features); }

  const char* architecture() const override { return "vit"; }
  Shape sample_shape() const override { return sample_shape_; }
  std::string_view prefix_in_file() const override;
  std::string name_in_file(const std::string& name) const override;
  std::string name_in_peft(const std::string& name) const override;  // as since transformers 5
  std::optional<std::string> name_in_model(const std::string& name_in_file) const override;
  std::vector<std::string> lora_targets() const override;        // query and value
  std::vector<std::string> bottleneck_targets() const override;  // what attention and feed-forward end with

 private:
  Shape sample_shape_;
  std::int64_t tokens_;  // of an image: its patches and the class token
  VitEmbeddings* embeddings_;
  std::vector<EncoderLayer*> layers_;
  LayerNorm* norm_;
  Linear* classifier_;
};

}  // namespace thaw
