#include "nn/models/transformer.h"

#include "nn/init.h"

namespace thaw {

EncoderLayer::EncoderLayer(const TransformerConfig& config, const EncoderLayerNames& names,
                           const Options& options, const std::string& path)
    : pre_norm_(options.pre_norm),
      activation_(activation_named(config.activation)),
      attention_(
          add_module("", std::make_unique<MultiHeadAttention>(config.hidden_size, config.heads, path,
                                                              config.attention_dropout, names.attention))),
      attention_output_dropout_(add_module("attention_output_dropout",
                                           std::make_unique<Dropout>(options.attention_output_dropout))),
      attention_norm_(add_module(names.attention_norm,
                                 std::make_unique<LayerNorm>(config.hidden_size, config.layer_norm_eps))),
      intermediate_(add_module(names.intermediate,
                               std::make_unique<Linear>(config.hidden_size, config.intermediate_size,
                                                        path + "." + names.intermediate))),
      output_(add_module(names.output, std::make_unique<Linear>(config.intermediate_size, config.hidden_size,
                                                                path + "." + names.output))),
      output_dropout_(add_module("output_dropout", std::make_unique<Dropout>(config.hidden_dropout))),
      output_norm_(add_module(names.output_norm,
                              std::make_unique<LayerNorm>(config.hidden_size, config.layer_norm_eps))) {}

Tensor EncoderLayer::attention(const Tensor& x, const Tensor& mask) {
  return attention_output_dropout_.forward(attention_.forward(x, x, x, mask));
}

Tensor EncoderLayer::feed_forward(const Tensor& x) {
  // One statement for each op: in a nested call every intermediate result would live to the end of it.
  Tensor h = intermediate_.forward(x);
  h = activation_(h);
  h = output_.forward(h);
  return output_dropout_.forward(h);
}

Tensor EncoderLayer::forward(const Tensor& x, const Tensor& mask) {
  const TraceScope trace(scope());
  if (pre_norm_) {
    const Tensor h = x + attention(attention_norm_.forward(x), mask);
    return h + feed_forward(output_norm_.forward(h));
  }
  const Tensor h = attention_norm_.forward(attention(x, mask) + x);
  return output_norm_.forward(feed_forward(h) + h);
}

void init_transformer(const Model& model, double deviation) {
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : model.parameters()) {
    Tensor& tensor = parameter->tensor;
    if (parameter->kind == ParameterKind::weight || parameter->kind == ParameterKind::embedding)
      kernels::copy(tensor, std::as_const(static_cast<const Tensor&>(
                                init::normal(tensor.shape(), deviation, parameter->name))));
    else if (parameter->kind == ParameterKind::bias)
      kernels::fill(tensor, 0);
  }
}

}  // namespace thaw
