#include "nn/layers/attention.h"

#include <cmath>

#include "core/ops.h"
#include "core/random.h"

namespace thaw {
namespace {

// One id for each row [B * heads * T] of the scores. A row's dropout mask depends on the id and the key's
// position, not on how far the batch is padded.
Tensor ids_of_rows(const Tensor& scores, const Tensor& ids) {
  const Options indices{DType::i64, scores.device()};
  const Tensor samples = ids.defined() ? ids : arange(scores.size(0), indices);
  const std::int64_t heads = scores.size(1);
  const Tensor of_heads =
      unsqueeze(samples, -1) * full({}, static_cast<double>(heads), indices) + arange(heads, indices);
  return ids_of_places(of_heads, scores.size(2)).reshape({-1});
}

}  // namespace

Tensor split_heads(const Tensor& x, std::int64_t heads) {
  return x.reshape({x.size(0), x.size(1), heads, x.size(2) / heads}).permute({0, 2, 1, 3});
}

Tensor join_heads(const Tensor& x) {
  return x.permute({0, 2, 1, 3}).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, const Tensor& ids,
              Dropout& dropout) {
  Tensor scores = matmul(q * (1.0 / std::sqrt(static_cast<double>(q.size(-1)))), k.mT());
  if (mask.defined()) scores = where(mask, scores, full({}, -1e30, like(scores)));
  scores = softmax(scores);
  if (dropout.live())
    scores = dropout.forward(scores.reshape({-1, scores.size(3)}), ids_of_rows(scores, ids))
                 .reshape(scores.shape());
  return matmul(scores, v);
}

MultiHeadAttention::MultiHeadAttention(std::int64_t size, std::int64_t heads, const Init& init,
                                       double dropout, const AttentionNames& names)
    : heads_(heads),
      query_(add_module(names.query, std::make_unique<Linear>(size, size, init.in(names.query)))),
      key_(add_module(names.key, std::make_unique<Linear>(size, size, init.in(names.key), names.key_bias))),
      value_(add_module(names.value, std::make_unique<Linear>(size, size, init.in(names.value)))),
      output_(add_module(names.output, std::make_unique<Linear>(size, size, init.in(names.output)))),
      dropout_(add_module("attention_dropout", std::make_unique<Dropout>(dropout))) {
  if (heads < 1 || size % heads != 0)
    fail_input("[attention] ", heads, " heads do not divide the size ", size);
}

Tensor MultiHeadAttention::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const Tensor& mask) {
  const TraceScope trace(scope());
  const Tensor q = split_heads(query_.forward(query), heads_);
  const Tensor k = split_heads(key_.forward(key), heads_);
  const Tensor v = split_heads(value_.forward(value), heads_);
  return output_.forward(join_heads(attend(q, k, v, mask, random_context().row_ids, dropout_)));
}

Tensor MultiHeadAttention::attend_rows(const Tensor& x, const TokenRows& texts, const Tensor& from,
                                       const TokenRows& places, const Tensor& mask) {
  const TraceScope trace(scope());
  const auto heads = [&](Linear& layer, const Tensor& rows, const TokenRows& of) {
    return split_heads(of.unpack(layer.forward(rows)), heads_);
  };
  const Tensor q = heads(query_, x, texts), k = heads(key_, from, places), v = heads(value_, from, places);
  const Tensor h = attend(q, k, v, mask, texts.text_ids(), dropout_);
  return output_.forward(texts.pack(join_heads(h)));
}

Tensor MultiHeadAttention::forward(const Tensor& x, const TokenRows& texts) {
  return attend_rows(x, texts, x, texts, texts.key_mask());
}

Tensor MultiHeadAttention::forward(const Tensor& x, const TokenRows& texts, const Tensor& mask) {
  return attend_rows(x, texts, x, texts, mask);
}

Tensor MultiHeadAttention::forward(const Tensor& x, const TokenRows& texts, const Tensor& memory,
                                   const TokenRows& places) {
  return attend_rows(x, texts, memory, places, places.key_mask());
}

MultiHeadAttention::KeysAndValues MultiHeadAttention::keys_and_values(const Tensor& x) {
  return {split_heads(key_.forward(x), heads_), split_heads(value_.forward(x), heads_)};
}

Tensor MultiHeadAttention::look_up(const Tensor& x, const KeysAndValues& kept, const Tensor& mask) {
  const Tensor q = split_heads(query_.forward(x), heads_);
  return output_.forward(join_heads(attend(q, kept.keys, kept.values, mask, {}, dropout_)));
}

}  // namespace thaw
