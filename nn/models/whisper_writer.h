// Whisper (Radford et al. 2022) as it was trained: its decoder writes the text of a sound token by token, each from those
// before it and from what the encoder gave. Names are Hugging Face's, without the prefix "model.".
#pragma once

#include <vector>

#include "nn/models/whisper.h"

namespace thaw {

// Attention to the tokens so far, attention to the sound, a feed-forward network; each on the layer norm of its input and
// with a residual connection.
class WhisperDecoderLayer : public Module {
 public:
  WhisperDecoderLayer(const TransformerConfig& config, const Init& init);
  // x [N, C] of the tokens, memory [M, C] of the places -> [N, C].
  Tensor forward(const Tensor& x, const ModelState& state);

  // For writing token by token.
  using KeysAndValues = MultiHeadAttention::KeysAndValues;
  KeysAndValues of_memory(const Tensor& memory) { return cross_attention_.keys_and_values(memory); }
  // x [B, 1, C], `places` bool [B, 1, 1, S] or undefined. Adds the token's own to `so_far`.
  Tensor step(const Tensor& x, KeysAndValues& so_far, const KeysAndValues& memory, const Tensor& places);

 private:
  MultiHeadAttention& attention_;
  LayerNorm& attention_norm_;
  MultiHeadAttention& cross_attention_;
  LayerNorm& cross_attention_norm_;
  FeedForward& feed_forward_;
  LayerNorm& norm_;
  Dropout& attention_dropout_;
  Dropout& cross_attention_dropout_;
};

// The tokens' embeddings are the output layer's weights too (tied), in the group `embeddings` between encoder and decoder.
class WhisperWriter : public WhisperEncoder {
 public:
  // The weights are drawn from N(0, initializer_range^2).
  WhisperWriter(const ModelConfig& config, const Init& init);

  // With the tokens that have been written -> logits of the next token of each, [N, vocabulary].
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;
  Tensor pool(ModelState state) override { return std::move(state.h); }
  Tensor head_features(const Tensor& pooled) override { return norm_->forward(pooled); }
  Tensor output(const Tensor& features) override { return output_->forward(features); }

  bool writes() const override { return true; }
  int encoder_stages() const override { return encoder_stages_; }
  std::vector<std::vector<std::int64_t>> write(const ModelState& encoded, const WritingRules& rules) override;

  std::string name_in_file(const std::string& name) const override;

 private:
  Tensor embed(const ModelState& state);  // [N, C]

  int encoder_stages_;
  Embedding* tokens_;
  Embedding* positions_;
  Dropout* dropout_;
  std::vector<WhisperDecoderLayer*> layers_;
  LayerNorm* norm_;
  Linear* output_;
};

}  // namespace thaw
