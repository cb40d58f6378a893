#include "nn/models/whisper_writer.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/ops.h"
#include "nn/layers/token_rows.h"

namespace thaw {
namespace {

constexpr AttentionNames kCrossAttention = {"encoder_attn.q_proj", "encoder_attn.k_proj",
                                            "encoder_attn.v_proj", "encoder_attn.out_proj", false};

// The sizes of its layers, as the encoder's layers have them.
TransformerConfig decoder_layers(const ModelConfig& config) {
  TransformerConfig layers = config.transformer;
  layers.heads = config.decoder.heads;
  layers.intermediate_size = config.decoder.intermediate_size;
  return layers;
}

void forbid(Tensor& logits, const std::vector<std::int64_t>& tokens) {
  const std::int64_t size = logits.size(1);
  float* row = logits.data<float>();
  for (std::int64_t i = 0; i < logits.size(0); ++i, row += size)
    for (const std::int64_t token : tokens) row[token] = -std::numeric_limits<float>::infinity();
}

// Of each row [B, V].
std::vector<std::int64_t> likeliest(const Tensor& logits) {
  const std::int64_t size = logits.size(1);
  std::vector<std::int64_t> chosen;
  chosen.reserve(static_cast<std::size_t>(logits.size(0)));
  const float* row = logits.data<float>();
  for (std::int64_t i = 0; i < logits.size(0); ++i, row += size)
    chosen.push_back(std::max_element(row, row + size) - row);
  return chosen;
}

Tensor column_of(const std::vector<std::int64_t>& ids) {
  Tensor tensor = empty({static_cast<std::int64_t>(ids.size()), 1}, {DType::i64});
  std::copy(ids.begin(), ids.end(), tensor.data<std::int64_t>());
  return tensor;
}

Tensor joined_to(const Tensor& so_far, const Tensor& next) {
  return so_far.defined() ? concatenate({so_far, next}, 2) : next;
}

}  // namespace

WhisperDecoderLayer::WhisperDecoderLayer(const TransformerConfig& t, const Init& init)
    : attention_(add_module(
          "", std::make_unique<MultiHeadAttention>(t.hidden_size, t.heads, init, t.attention_dropout,
                                                   kWhisperLayerNames.attention))),
      attention_norm_(
          add_module(kWhisperLayerNames.attention_norm,
                     std::make_unique<LayerNorm>(t.hidden_size, init.in(kWhisperLayerNames.attention_norm),
                                                 t.layer_norm_eps))),
      cross_attention_(
          add_module("", std::make_unique<MultiHeadAttention>(t.hidden_size, t.heads, init,
                                                              t.attention_dropout, kCrossAttention))),
      cross_attention_norm_(add_module(
          "encoder_attn_layer_norm",
          std::make_unique<LayerNorm>(t.hidden_size, init.in("encoder_attn_layer_norm"), t.layer_norm_eps))),
      feed_forward_(add_module("", std::make_unique<FeedForward>(t, kWhisperLayerNames.intermediate,
                                                                 kWhisperLayerNames.output, init))),
      norm_(add_module(kWhisperLayerNames.output_norm,
                       std::make_unique<LayerNorm>(t.hidden_size, init.in(kWhisperLayerNames.output_norm),
                                                   t.layer_norm_eps))),
      attention_dropout_(add_module("attention_output_dropout", std::make_unique<Dropout>(t.hidden_dropout))),
      cross_attention_dropout_(
          add_module("cross_attention_output_dropout", std::make_unique<Dropout>(t.hidden_dropout))) {}

Tensor WhisperDecoderLayer::forward(const Tensor& x, const ModelState& state) {
  const TraceScope trace(scope());
  const TokenRows& tokens = *state.written;
  Tensor h = attention_.forward(attention_norm_.forward(x), tokens, state.mask);
  const Tensor seen = x + attention_dropout_.forward(h);
  // A node of its own: the layer's gradients of the memory are summed before the layers' are, as where it is recomputed.
  const Tensor memory = reshape(state.memory, state.memory.shape());
  h = cross_attention_.forward(cross_attention_norm_.forward(seen), tokens, memory, *state.rows);
  const Tensor heard = seen + cross_attention_dropout_.forward(h);
  return heard + feed_forward_.forward(norm_.forward(heard));
}

Tensor WhisperDecoderLayer::step(const Tensor& x, KeysAndValues& so_far, const KeysAndValues& memory,
                                 const Tensor& places) {
  const Tensor normed = attention_norm_.forward(x);
  const KeysAndValues own = attention_.keys_and_values(normed);
  so_far.keys = joined_to(so_far.keys, own.keys);
  so_far.values = joined_to(so_far.values, own.values);
  const Tensor seen = x + attention_.look_up(normed, so_far);
  const Tensor heard = seen + cross_attention_.look_up(cross_attention_norm_.forward(seen), memory, places);
  return heard + feed_forward_.forward(norm_.forward(heard));
}

WhisperWriter::WhisperWriter(const ModelConfig& config, const Init& init) : WhisperEncoder(config, init) {
  const TransformerConfig t = decoder_layers(config);
  const auto table = [&](const char* path, std::int64_t rows) {
    return &add_module(path, std::make_unique<Embedding>(rows, t.hidden_size, init.in(path)));
  };
  std::vector<Group> groups = encoder_groups();
  groups.back().prefixes.emplace_back("encoder.layer_norm");
  encoder_stages_ = static_cast<int>(groups.size());
  tokens_ = table("decoder.embed_tokens", config.decoder.vocab_size);
  positions_ = table("decoder.embed_positions", config.decoder.positions);
  dropout_ = &add_module("decoder.dropout", std::make_unique<Dropout>(t.hidden_dropout));
  groups.push_back({"embeddings", {"decoder.embed_tokens", "decoder.embed_positions", "decoder.dropout"}});
  for (std::int64_t i = 0; i < config.decoder.layers; ++i) {
    const std::string path = concat("decoder.layers.", i);
    layers_.push_back(&add_module(path, std::make_unique<WhisperDecoderLayer>(t, init.in(path))));
    groups.push_back({concat("decoder.", i), {path}});
  }
  norm_ = &add_module(
      "decoder.layer_norm",
      std::make_unique<LayerNorm>(t.hidden_size, init.in("decoder.layer_norm"), t.layer_norm_eps));
  output_ = &add_module("proj_out", std::make_unique<Linear>(tokens_->weight()));
  groups.push_back({"head", {"decoder.layer_norm", "proj_out"}});
  finish(std::move(groups));
  init_transformer(*this, t.initializer_range, init);
}

ModelState WhisperWriter::begin(const ModelInput& x) {
  ModelState state = WhisperEncoder::begin(x);
  const Tensor& ids = x.written;
  state.written =
      std::make_shared<const TokenRows>(ids.size(0), ids.size(1), x.written_padding, ids.device());
  state.mask = state.written->causal_mask();
  return state;
}

Tensor WhisperWriter::embed(const ModelState& state) {
  const Tensor& ids = state.x.written;
  const TraceScope trace(tokens_->scope());
  const Tensor h = tokens_->forward(ids) + first_positions(*positions_, ids.size(1));
  return dropout_->forward(state.written->pack(h));
}

void WhisperWriter::run_group(int group, ModelState& state) {
  if (group < encoder_stages_) {
    WhisperEncoder::run_group(group, state);
    if (group == encoder_stages_ - 1) state.h = encoder_norm().forward(state.h);
    return;
  }
  const RandomScope random(state.written->random());
  const int layer = group - encoder_stages_ - 1;
  state.h = layer < 0 ? embed(state) : layers_[static_cast<std::size_t>(layer)]->forward(state.h, state);
}

std::vector<std::vector<std::int64_t>> WhisperWriter::write(const ModelState& encoded,
                                                            const WritingRules& rules) {
  const NoGrad no_grad;
  const Tensor memory = encoded.rows->unpack(encoded.h);
  const Tensor places = encoded.rows->key_mask();
  std::vector<WhisperDecoderLayer::KeysAndValues> of_memory, so_far(layers_.size());
  for (WhisperDecoderLayer* layer : layers_) of_memory.push_back(layer->of_memory(memory));

  const auto samples = static_cast<std::size_t>(memory.size(0));
  std::vector<std::vector<std::int64_t>> texts(samples);
  std::vector<bool> has_ended(samples);
  std::vector<std::int64_t> next;
  const std::int64_t longest = positions_->weight()->tensor.size(0);
  const auto prompted = static_cast<std::int64_t>(rules.prompt.size());
  for (std::int64_t place = 0; place < longest; ++place) {
    if (place < prompted) next.assign(samples, rules.prompt[static_cast<std::size_t>(place)]);
    Tensor h = tokens_->forward(column_of(next)) + slice(positions_->weight()->tensor, 0, place, place + 1);
    for (std::size_t i = 0; i < layers_.size(); ++i) h = layers_[i]->step(h, so_far[i], of_memory[i], places);
    if (place < prompted - 1) continue;
    Tensor logits = output_->forward(norm_->forward(select(h, 1, 0)));
    forbid(logits, rules.never);
    if (place == prompted - 1) forbid(logits, rules.never_first);
    next = likeliest(logits);
    for (std::size_t i = 0; i < samples; ++i) {
      if (has_ended[i] || next[i] == rules.end)
        has_ended[i] = true;
      else
        texts[i].push_back(next[i]);
    }
    if (std::all_of(has_ended.begin(), has_ended.end(), [](bool ended) { return ended; })) break;
  }
  return texts;
}

std::string WhisperWriter::name_in_file(const std::string& name) const {
  return WhisperEncoder::name_in_file(name == "proj_out.weight" ? "decoder.embed_tokens.weight" : name);
}

}  // namespace thaw
