// BERT (Devlin et al. 2019) and its relatives with the same layers: MiniLM, DistilBERT (Sanh et al. 2019),
// RoBERTa (Liu et al. 2019) and XLM-RoBERTa (Conneau et al. 2020), with a classifier on top. Names are
// Hugging Face's, without the prefix "bert.", "distilbert." or "roberta.".
#pragma once

#include <string_view>
#include <vector>

#include "nn/layers/embedding.h"
#include "nn/layers/token_rows.h"
#include "nn/models/transformer.h"

namespace thaw {

// What the relatives name and do differently.
struct BertFamily;

class Bert : public Model {
 public:
  // config.architecture: "bert", "distilbert", "roberta" or "xlm-roberta". The weights are drawn from N(0,
  // initializer_range^2).
  Bert(const ModelConfig& config, const Init& init);

  // Token ids [B, T] -> logits [B, outputs].
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;
  // The text as one vector [B, C]: its first token's state, which the pooler (a layer) takes where there is one, or the
  // mean of its tokens' states.
  Tensor pool(ModelState state) override;
  Tensor head_features(const Tensor& pooled) override;
  Tensor output(const Tensor& features) override;

  const char* architecture() const override;
  Shape sample_shape() const override { return {}; }
  std::string_view prefix_in_file() const override;
  std::string name_in_file(const std::string& name) const override;
  std::optional<std::string> name_in_model(const std::string& name_in_file) const override;
  std::vector<std::string> lora_targets() const override;        // query and value, as in PEFT
  std::vector<std::string> bottleneck_targets() const override;  // what attention and feed-forward end with

 private:
  Tensor embed(const ModelState& state);   // [N, C]
  Tensor positions_of(const Tensor& ids);  // [T, C], or each text's own [B, T, C]

  const BertFamily& family_;
  TransformerConfig config_;
  std::string pooling_;
  Embedding* words_;
  Embedding* positions_;
  Embedding* types_ = nullptr;
  LayerNorm* embedding_norm_;
  Dropout* embedding_dropout_;
  std::vector<EncoderLayer*> layers_;
  Dropout* pooler_dropout_ = nullptr;
  Linear* pooler_ = nullptr;
  Dropout* classifier_dropout_;
  Linear* classifier_;
};

}  // namespace thaw
