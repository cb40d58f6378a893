// GPT-2 (Radford et al. 2019): a decoder that classifies a text by its last token, and whose language model
// predicts each next one. Names are Hugging Face's, without the prefix "transformer.".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/layers/embedding.h"
#include "nn/layers/token_rows.h"
#include "nn/models/transformer.h"

namespace thaw {

// Self-attention and a feed-forward network, each on the layer norm of its input and with a residual
// connection. One layer makes query, key and value. The weights of its Linear layers are [in, out].
class Gpt2Block : public Module {
 public:
  Gpt2Block(const TransformerConfig& config, const Init& init);
  // x [N, C], mask bool broadcastable to [B, heads, T, T] -> [N, C].
  Tensor forward(const Tensor& x, const TokenRows& texts, const Tensor& mask);

 private:
  Tensor attention(const Tensor& x, const TokenRows& texts, const Tensor& mask);

  std::int64_t heads_;
  LayerNorm& attention_norm_;
  Linear& query_key_value_;
  Linear& attention_output_;
  Dropout& attention_dropout_;
  Dropout& attention_output_dropout_;
  LayerNorm& norm_;
  FeedForward& feed_forward_;
};

// The language model's head: its weight is the table of the tokens' embeddings.
class TiedHead : public Module {
 public:
  explicit TiedHead(const ParameterPtr& table) : table_(table) { tie_parameter("weight", table); }
  Tensor forward(const Tensor& states);  // [.., C] -> [.., V]

 private:
  ParameterPtr table_;  // [V, C]
};

class Gpt2 : public Model {
 public:
  // The weights are drawn from N(0, initializer_range^2).
  Gpt2(const ModelConfig& config, const Init& init);

  // Token ids [B, T] -> logits [B, outputs].
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;
  // The text as one vector [B, C]: its last token's state, or the mean of its tokens' states after the last norm.
  Tensor pool(ModelState state) override;
  Tensor head_features(const Tensor& pooled) override;
  bool pools_with_parameters() const override { return pools_mean(); }
  Tensor output(const Tensor& features) override { return score_->forward(features); }

  Tensor language_logits(const ModelInput& x);  // of the token that comes next, [B, T, V]

  const char* architecture() const override { return "gpt2"; }
  Shape sample_shape() const override { return {}; }
  std::string_view prefix_in_file() const override;
  std::string name_in_file(const std::string& name) const override;
  std::optional<std::string> name_in_model(const std::string& name_in_file) const override;
  std::vector<std::string> lora_targets()
      const override;  // the one layer of query, key and value, as in PEFT
  std::vector<std::string> bottleneck_targets() const override;  // what attention and feed-forward end with

 private:
  Tensor embed(const ModelState& state);  // [N, C]
  bool pools_mean() const;

  std::string pooling_;
  std::int64_t pad_id_;
  Embedding* words_;
  Embedding* positions_;
  Dropout* embedding_dropout_;
  std::vector<Gpt2Block*> layers_;
  LayerNorm* norm_;
  Linear* score_;
  TiedHead* language_head_;
};

}  // namespace thaw
