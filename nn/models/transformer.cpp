#include "nn/models/transformer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops.h"
#include "nn/layers/token_rows.h"

namespace thaw {

FeedForward::FeedForward(const TransformerConfig& config, const char* intermediate, const char* output,
                         const Init& init, WeightLayout layout)
    : activation_(activation_named(config.activation)),
      intermediate_(
          add_module(intermediate, std::make_unique<Linear>(config.hidden_size, config.intermediate_size,
                                                            init.in(intermediate), true, layout))),
      output_(add_module(output, std::make_unique<Linear>(config.intermediate_size, config.hidden_size,
                                                          init.in(output), true, layout))),
      dropout_(add_module("output_dropout", std::make_unique<Dropout>(config.hidden_dropout))) {
  if (config.activation_dropout > 0)
    activation_dropout_ =
        &add_module("activation_dropout", std::make_unique<Dropout>(config.activation_dropout));
}

Tensor FeedForward::forward(const Tensor& x) {
  // One statement for each op: in a nested call every intermediate result would live to the end of it.
  Tensor h = intermediate_.forward(x);
  h = activation_(h);
  if (activation_dropout_ != nullptr) h = activation_dropout_->forward(h);
  h = output_.forward(h);
  return dropout_.forward(h);
}

EncoderLayer::EncoderLayer(const TransformerConfig& config, const EncoderLayerNames& names,
                           const Options& options, const Init& init)
    : pre_norm_(options.pre_norm),
      attention_(
          add_module("", std::make_unique<MultiHeadAttention>(config.hidden_size, config.heads, init,
                                                              config.attention_dropout, names.attention))),
      attention_output_dropout_(add_module("attention_output_dropout",
                                           std::make_unique<Dropout>(options.attention_output_dropout))),
      attention_norm_(add_module(
          names.attention_norm, std::make_unique<LayerNorm>(config.hidden_size, init.in(names.attention_norm),
                                                            config.layer_norm_eps))),
      feed_forward_(
          add_module("", std::make_unique<FeedForward>(config, names.intermediate, names.output, init))),
      output_norm_(add_module(names.output_norm,
                              std::make_unique<LayerNorm>(config.hidden_size, init.in(names.output_norm),
                                                          config.layer_norm_eps))) {}

Tensor EncoderLayer::attention(const Tensor& x, const TokenRows& texts) {
  return attention_output_dropout_.forward(attention_.forward(x, texts));
}

Tensor EncoderLayer::forward(const Tensor& x, const TokenRows& texts) {
  const TraceScope trace(scope());
  if (pre_norm_) {
    const Tensor h = x + attention(attention_norm_.forward(x), texts);
    return h + feed_forward_.forward(output_norm_.forward(h));
  }
  const Tensor h = attention_norm_.forward(attention(x, texts) + x);
  return output_norm_.forward(feed_forward_.forward(h) + h);
}

ModelState begin_tokens(const ModelInput& x) {
  ModelState state{x};
  state.rows =
      std::make_shared<const TokenRows>(x.values.size(0), x.values.size(1), x.padding, x.values.device());
  return state;
}

Tensor take_states(ModelState&& state) {
  const ModelState taken = std::move(state);
  return taken.rows->unpack(taken.h);
}

Tensor mean_state(const Tensor& states, const Tensor& mask) {
  // Both divide the sum, so that a text has the same bits in a batch without padding.
  if (!mask.defined()) return sum(states, {1}) / full({}, static_cast<double>(states.size(1)), like(states));
  const Tensor weight = cast(mask, states.dtype());
  return sum(states * unsqueeze(weight, -1), {1}) / sum(weight, {1}, true);
}

Tensor mean_state(ModelState&& state) {
  const Tensor mask = state.x.padding.mask;
  return mean_state(take_states(std::move(state)), mask);
}

void check_length(std::int64_t length, std::int64_t longest) {
  if (length > longest)
    fail_input("a text of ", length, " tokens is longer than the model's ", longest,
               " positions; set model.max_length");
}

Tensor first_positions(const Embedding& table, std::int64_t length) {
  const Tensor& positions = table.weight()->tensor;
  check_length(length, positions.size(0));
  return slice(positions, 0, 0, length);
}

void check_size_in(const char* what, std::int64_t size, std::int64_t largest, const std::string& path) {
  if (size < 1 || size > largest)
    fail_input("the model's ", what, " is ", size, " (", path, "); it must be 1 to ", largest);
}

void check_activation_in(const std::string& name, const std::string& path) {
  try {
    activation_named(name);
  } catch (const InputError& error) {
    fail_input(error.what(), " (", path, ")");
  }
}

void check_probability(const char* what, double p, const std::string& path) {
  if (!(p >= 0 && p < 1))
    fail_input("the model's ", what, " is ", p, " (", path, "); it must be at least 0 and less than 1");
}

void check_not_negative(const char* what, double value, const std::string& path) {
  if (!(value >= 0 && std::isfinite(value)))
    fail_input("the model's ", what, " is ", value, " (", path, "); it must be at least 0");
}

void check_sizes_in(const TransformerConfig& t, const std::string& path) {
  check_size_in("hidden size", t.hidden_size, 1 << 16, path);
  check_size_in("number of layers", t.layers, 1 << 10, path);
  check_size_in("number of heads", t.heads, 1 << 10, path);
  check_size_in("intermediate size", t.intermediate_size, 1 << 18, path);
  if (t.hidden_size % t.heads != 0)
    fail_input("the model's ", t.heads, " heads do not divide its hidden size ", t.hidden_size, " (", path,
               "); make the folder again");
  check_activation_in(t.activation, path);
  check_probability("embedding dropout", t.embedding_dropout, path);
  check_probability("hidden dropout", t.hidden_dropout, path);
  check_probability("attention dropout", t.attention_dropout, path);
  check_probability("activation dropout", t.activation_dropout, path);
  check_probability("classifier dropout", t.classifier_dropout, path);
  check_not_negative("layer norm's epsilon", t.layer_norm_eps, path);
  check_not_negative("initializer range", t.initializer_range, path);
}

void check_same(const nlohmann::json& json, const std::string& path,
                std::initializer_list<std::pair<const char*, const char*>> keys) {
  for (const auto& [key, alias] : keys)
    if (json.contains(key) && json.contains(alias) && json[key] != json[alias])
      fail_input("'", key, "' is ", json[key].dump(), " and '", alias, "' is ", json[alias].dump(),
                 ", which are one thing (", path, "); keep the one that is right");
}

void check_switches(const nlohmann::json& json, const std::string& path, const ModelConfig& config,
                    std::initializer_list<std::pair<const char*, bool>> switches) {
  for (const auto& [key, usual] : switches) {
    bool value = usual;
    read_optional_field(json, key, path, value);
    if (value != usual)
      fail_input("a ", config.architecture, " with ", key, " = ", value ? "true" : "false", " (", path,
                 ") is not in this version; use one without it");
  }
}

void check_text_sizes_in(const TransformerConfig& t, const std::string& path) {
  check_size_in("vocabulary", t.vocab_size, 1 << 24, path);
  check_size_in("number of positions", t.positions, 1 << 20, path);
  check_size_in("number of token types", std::max<std::int64_t>(t.token_types, 1), 1 << 10, path);
  check_sizes_in(t, path);
}

void init_transformer(const Model& model, double deviation, const Init& init) {
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : model.parameters()) {
    Tensor& tensor = parameter->tensor;
    if (parameter->kind == ParameterKind::weight || parameter->kind == ParameterKind::embedding) {
      const Tensor drawn = init.normal(tensor.shape(), deviation, parameter->name);
      kernels::copy(tensor, drawn);
    } else if (parameter->kind == ParameterKind::bias) {
      kernels::fill(tensor, 0);
    }
  }
}

}  // namespace thaw
