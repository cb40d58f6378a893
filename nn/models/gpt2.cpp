#include "nn/models/gpt2.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/ops.h"
#include "nn/models/architecture.h"
#include "nn/models/labels.h"

namespace thaw {
namespace {

constexpr std::string_view kGpt2Prefix = "transformer.";
constexpr const char* kWordTable = "wte";

std::unique_ptr<Linear> conv1d_linear(std::int64_t in, std::int64_t out, const Init& init) {
  return std::make_unique<Linear>(in, out, init, true, WeightLayout::in_out);
}

// The state of the last token that is not the one of padding, [B, T, C] -> [B, C]: by its id, as in
// transformers, so that a text's own last token is passed over too where it has that id. A text of nothing
// else has its first token's.
Tensor last_state(const Tensor& states, const Tensor& ids, const Tensor& mask, std::int64_t pad_id) {
  const std::int64_t length = states.size(1);
  if (!mask.defined() && pad_id < 0) return select(states, 1, length - 1);
  const Options indices{DType::i64, states.device()};
  const Tensor zero = full({}, 0, indices);
  Tensor place = arange(length, indices);
  if (mask.defined()) place = where(mask, place, zero);
  if (pad_id >= 0) place = where(ne(ids, full({}, static_cast<double>(pad_id), indices)), place, zero);
  const Tensor last = argmax(place, 1).reshape({states.size(0), 1, 1});
  return squeeze(gather(states, 1, expand(last, {-1, 1, states.size(2)})), 1);
}

// Masks, which old files hold as buffers.
bool is_no_part_of_gpt2(const std::string& name) {
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
}

}  // namespace

Gpt2Block::Gpt2Block(const TransformerConfig& t, const Init& init)
    : heads_(t.heads),
      attention_norm_(
          add_module("ln_1", std::make_unique<LayerNorm>(t.hidden_size, init.in("ln_1"), t.layer_norm_eps))),
      query_key_value_(
          add_module("attn.c_attn", conv1d_linear(t.hidden_size, 3 * t.hidden_size, init.in("attn.c_attn")))),
      attention_output_(
          add_module("attn.c_proj", conv1d_linear(t.hidden_size, t.hidden_size, init.in("attn.c_proj")))),
      attention_dropout_(add_module("attn.attn_dropout", std::make_unique<Dropout>(t.attention_dropout))),
      attention_output_dropout_(
          add_module("attn.resid_dropout", std::make_unique<Dropout>(t.hidden_dropout))),
      norm_(
          add_module("ln_2", std::make_unique<LayerNorm>(t.hidden_size, init.in("ln_2"), t.layer_norm_eps))),
      feed_forward_(add_module(
          "", std::make_unique<FeedForward>(t, "mlp.c_fc", "mlp.c_proj", init, WeightLayout::in_out))) {}

Tensor Gpt2Block::attention(const Tensor& x, const TokenRows& texts, const Tensor& mask) {
  const Tensor all = texts.unpack(query_key_value_.forward(x));
  const std::int64_t size = x.size(-1);
  const auto part = [&](std::int64_t i) {
    return split_heads(slice(all, 2, i * size, (i + 1) * size), heads_);
  };
  Tensor h = attend(part(0), part(1), part(2), mask, texts.text_ids(), attention_dropout_);
  h = attention_output_.forward(texts.pack(join_heads(h)));
  return attention_output_dropout_.forward(h);
}

Tensor Gpt2Block::forward(const Tensor& x, const TokenRows& texts, const Tensor& mask) {
  const TraceScope trace(scope());
  const Tensor h = x + attention(attention_norm_.forward(x), texts, mask);
  return h + feed_forward_.forward(norm_.forward(h));
}

Tensor TiedHead::forward(const Tensor& states) {
  const TraceScope trace(scope());
  return linear(states, table_->tensor);
}

Gpt2::Gpt2(const ModelConfig& config, const Init& init)
    : pooling_(config.transformer.pooling), pad_id_(config.transformer.pad_id) {
  const TransformerConfig& t = config.transformer;
  if (pooling_ != kLastToken && pooling_ != kMeanPooling)
    fail_input("GPT-2 classifies a text by its last token, or by their mean, not by '", pooling_,
               "' (model.pooling); leave it out");
  words_ =
      &add_module(kWordTable, std::make_unique<Embedding>(t.vocab_size, t.hidden_size, init.in(kWordTable)));
  positions_ = &add_module("wpe", std::make_unique<Embedding>(t.positions, t.hidden_size, init.in("wpe")));
  embedding_dropout_ = &add_module("drop", std::make_unique<Dropout>(t.embedding_dropout));
  std::vector<Group> groups{{"embeddings", {kWordTable, "wpe", "drop"}}};
  for (std::int64_t i = 0; i < t.layers; ++i) {
    const std::string path = concat("h.", i);
    layers_.push_back(&add_module(path, std::make_unique<Gpt2Block>(t, init.in(path))));
    groups.push_back({concat("layer.", i), {path}});
  }
  norm_ = &add_module("ln_f", std::make_unique<LayerNorm>(t.hidden_size, init.in("ln_f"), t.layer_norm_eps));
  score_ =
      &add_module("score", std::make_unique<Linear>(t.hidden_size, config.outputs, init.in("score"), false));
  language_head_ = &add_module("lm_head", std::make_unique<TiedHead>(words_->weight()));
  groups.push_back({"head", {"ln_f", "score", "lm_head"}});
  finish(std::move(groups));
  init_transformer(*this, t.initializer_range, init);
}

Tensor Gpt2::embed(const ModelState& state) {
  const Tensor& ids = state.x.values;
  const TraceScope trace(words_->scope());
  const Tensor h = words_->forward(ids) + first_positions(*positions_, ids.size(1));
  return embedding_dropout_->forward(state.rows->pack(h));
}

bool Gpt2::pools_mean() const { return pooling_ == kMeanPooling; }

ModelState Gpt2::begin(const ModelInput& x) {
  ModelState state = begin_tokens(x);
  state.mask = state.rows->causal_mask();
  return state;
}

void Gpt2::run_group(int group, ModelState& state) {
  const RandomScope random(state.rows->random());
  state.h = group == 0
                ? embed(state)
                : layers_[static_cast<std::size_t>(group - 1)]->forward(state.h, *state.rows, state.mask);
}

Tensor Gpt2::pool(ModelState state) {
  const ModelInput x = state.x;
  const Tensor states = take_states(std::move(state));
  const TraceScope trace(norm_->scope());
  if (pools_mean()) return mean_state(norm_->forward(states), x.padding.mask);
  return last_state(states, x.values, x.padding.mask, pad_id_);
}

// The norm is each token's own: the last one's is enough.
Tensor Gpt2::head_features(const Tensor& pooled) { return pools_mean() ? pooled : norm_->forward(pooled); }

Tensor Gpt2::language_logits(const ModelInput& x) {
  ModelState state = begin(x);
  run_stages(0, head(), state);
  return language_head_->forward(norm_->forward(take_states(std::move(state))));
}

std::string_view Gpt2::prefix_in_file() const { return kGpt2Prefix; }

std::string Gpt2::name_in_file(const std::string& name) const {
  if (name.starts_with("lm_head.")) return concat(kGpt2Prefix, kWordTable, ".weight");
  return name.starts_with("score.") ? name : std::string(kGpt2Prefix) + name;
}

std::optional<std::string> Gpt2::name_in_model(const std::string& name_in_file) const {
  std::string name = name_in_file;
  if (name.starts_with(kGpt2Prefix)) name.erase(0, kGpt2Prefix.size());
  if (is_no_part_of_gpt2(name)) return std::nullopt;
  return name;
}

std::vector<std::string> Gpt2::lora_targets() const { return {"c_attn"}; }

std::vector<std::string> Gpt2::bottleneck_targets() const { return {"attn.c_proj", "mlp.c_proj"}; }

void read_gpt2(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  check_same(json, path,
             {{"n_embd", "hidden_size"},
              {"n_layer", "num_hidden_layers"},
              {"n_head", "num_attention_heads"},
              {"n_positions", "max_position_embeddings"}});
  TransformerConfig& t = config.transformer;
  t.pooling = kLastToken;
  t.positions = 1024;
  t.activation = "gelu_new";
  t.layer_norm_eps = 1e-5;
  t.embedding_dropout = t.hidden_dropout = t.attention_dropout = 0.1;
  read_field(json, "vocab_size", path, t.vocab_size);
  read_optional_field(json, "n_positions", path, t.positions);
  read_field(json, "n_embd", path, t.hidden_size);
  read_field(json, "n_layer", path, t.layers);
  read_field(json, "n_head", path, t.heads);
  t.intermediate_size = 4 * std::clamp<std::int64_t>(t.hidden_size, 0, 1 << 16);
  read_optional_field(json, "n_inner", path, t.intermediate_size);
  read_optional_field(json, "activation_function", path, t.activation);
  read_optional_field(json, "layer_norm_epsilon", path, t.layer_norm_eps);
  read_optional_field(json, "embd_pdrop", path, t.embedding_dropout);
  read_optional_field(json, "resid_pdrop", path, t.hidden_dropout);
  read_optional_field(json, "attn_pdrop", path, t.attention_dropout);
  read_optional_field(json, "initializer_range", path, t.initializer_range);
  // What changes the attention or the language model's head, and its usual value.
  check_switches(json, path, config,
                 {{"scale_attn_weights", true},
                  {"scale_attn_by_inverse_layer_idx", false},
                  {"reorder_and_upcast_attn", false},
                  {"add_cross_attention", false},
                  {"tie_word_embeddings", true}});
  read_optional_field(json, "pad_token_id", path, t.pad_id);
  check_text_sizes_in(t, path);
  read_labels(json, path, config);
}

void write_gpt2(const ModelConfig& config, nlohmann::ordered_json& json) {
  const TransformerConfig& t = config.transformer;
  json["architectures"] = {"GPT2ForSequenceClassification"};
  json["embd_pdrop"] = t.embedding_dropout;
  json["resid_pdrop"] = t.hidden_dropout;
  json["attn_pdrop"] = t.attention_dropout;
  // Without it transformers refuses to classify more than one text at a time.
  if (t.pad_id >= 0 && (!json.contains("pad_token_id") || json["pad_token_id"].is_null()))
    json["pad_token_id"] = t.pad_id;
  write_labels(config, json);
}

}  // namespace thaw
