// What the transformers here share: sizes as Hugging Face's config.json names them, and one encoder layer.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "nn/init.h"
#include "nn/io/json_file.h"
#include "nn/layers/activation.h"
#include "nn/layers/attention.h"
#include "nn/layers/embedding.h"
#include "nn/layers/norm.h"
#include "nn/models/registry.h"

namespace thaw {

// What checkpoints call the parts of a layer.
struct EncoderLayerNames {
  AttentionNames attention;
  const char* attention_norm;
  const char* intermediate;  // the feed-forward network's first layer
  const char* output;        // and its second
  const char* output_norm;
};

// Two linear layers with an activation between them, and dropout: [..., C] -> [..., C].
class FeedForward : public Module {
 public:
  // `intermediate` and `output` are what checkpoints call the two layers.
  FeedForward(const TransformerConfig& config, const char* intermediate, const char* output, const Init& init,
              WeightLayout layout = WeightLayout::out_in);
  Tensor forward(const Tensor& x);

 private:
  Activation activation_;
  Linear& intermediate_;
  Linear& output_;
  Dropout* activation_dropout_ = nullptr;  // where there is one
  Dropout& dropout_;
};

// Self-attention and a feed-forward network, each with a residual connection. Layer norm comes after each sum
// (post-norm: Vaswani et al. 2017; BERT), or before each part (pre-norm: Xiong et al. 2020; ViT).
class EncoderLayer : public Module {
 public:
  struct Options {
    bool pre_norm = false;
    double attention_output_dropout = 0;
  };
  EncoderLayer(const TransformerConfig& config, const EncoderLayerNames& names, const Options& options,
               const Init& init);
  Tensor forward(const Tensor& x, const TokenRows& texts);  // [N, C] -> [N, C]

 private:
  Tensor attention(const Tensor& x, const TokenRows& texts);

  bool pre_norm_;
  MultiHeadAttention& attention_;
  Dropout& attention_output_dropout_;
  LayerNorm& attention_norm_;
  FeedForward& feed_forward_;
  LayerNorm& output_norm_;
};

// TransformerConfig::pooling of a decoder, as sentence-transformers calls it, and of any model.
inline constexpr const char* kLastToken = "lasttoken";
inline constexpr const char* kMeanPooling = "mean";

// Of token ids [B, T]: which rows their states are.
ModelState begin_tokens(const ModelInput& x);
// The states of a model's tokens [B, T, C], those of padding mean nothing; the memory of what else was there is given
// back.
Tensor take_states(ModelState&& state);

// The mean of the tokens' states: [B, T, C] and bool [B, T], or nothing where every place holds a token, ->
// [B, C].
Tensor mean_state(const Tensor& states, const Tensor& mask);
Tensor mean_state(ModelState&& state);  // of a model's, [N, C] -> [B, C]

// InputError for a text of more tokens than that.
void check_length(std::int64_t length, std::int64_t longest);
// The first `length` rows of a table of positions. InputError where it has fewer.
Tensor first_positions(const Embedding& table, std::int64_t length);

// Sizes that config.json gives, at `path`: each at least 1 and small enough that no product overflows, heads
// that divide the hidden size, a known activation, probabilities. InputError names the one that is wrong.
void check_size_in(const char* what, std::int64_t size, std::int64_t largest, const std::string& path);
void check_activation_in(const std::string& name, const std::string& path);
void check_probability(const char* what, double p, const std::string& path);
void check_not_negative(const char* what, double value, const std::string& path);
void check_sizes_in(const TransformerConfig& config, const std::string& path);
void check_text_sizes_in(const TransformerConfig& config, const std::string& path);  // those of text too
// InputError where two keys that are one thing to transformers have different values.
void check_same(const nlohmann::json& json, const std::string& path,
                std::initializer_list<std::pair<const char*, const char*>> keys);
// InputError where a switch that changes what the model computes has another value than the one named.
void check_switches(const nlohmann::json& json, const std::string& path, const ModelConfig& config,
                    std::initializer_list<std::pair<const char*, bool>> switches);

// Weights and embeddings from N(0, deviation^2), biases zero; norms as they are. Call after finish(), with the model's own `init`.
void init_transformer(const Model& model, double deviation, const Init& init);

}  // namespace thaw
