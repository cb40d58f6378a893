// The tokens of a batch of texts as rows [N, C], without the padding between texts. Layers that treat each
// token by itself (linear layers, norms, dropout) then do no work for padding. Attention and pooling get
// texts again.
#pragma once

#include "core/random.h"
#include "nn/padding.h"

namespace thaw {

class TokenRows {
 public:
  // `padding` of a batch [texts, length]; empty if every place holds a token. The ids of the texts come from
  // the random context.
  TokenRows(std::int64_t texts, std::int64_t length, Padding padding, Device device);

  Tensor pack(const Tensor& texts) const;   // [B, T, C] -> [N, C]
  Tensor unpack(const Tensor& rows) const;  // the inverse; padding gets its text's first token
  // Which places hold a token: bool [B, T], and [B, 1, 1, T] for the keys of attention scores. Undefined if
  // all of them do.
  const Tensor& mask() const { return padding_.mask; }
  Tensor key_mask() const;
  // bool [B, 1, T, T], or [1, 1, T, T] without padding: each token sees itself and those before it, but no padding.
  Tensor causal_mask() const;

  const Tensor& text_ids() const { return text_ids_; }  // i64 [B]
  // For dropout on rows: a token's mask depends on its text and its position there, not on the batch.
  RandomContext random() const;

 private:
  std::int64_t length_;
  Padding padding_;
  Tensor text_ids_;
  Tensor token_ids_;  // i64 [N]
};

// Ids of the positions 0 to n - 1 of each thing that has an id, i64 [..] -> [.., n]:
//   result[.., p] = ids[..] * 2^20 + p
Tensor ids_of_places(const Tensor& ids, std::int64_t n);

}  // namespace thaw
