// Multi-head attention (Vaswani et al. 2017, eq. 1), with separate query, key, value and output projections.
#pragma once

#include "nn/init.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/layers/token_rows.h"
#include "nn/module.h"

namespace thaw {

// Attention of q [B, H, T, D] to k and v [B, H, S, D], with dropout on the weights:
//   softmax(q k^T / sqrt(D)) v
// `mask`: bool, broadcastable to [B, H, T, S] (true: may attend), or undefined. `ids`: i64 [B], or undefined
// for the positions in the batch.
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, const Tensor& ids,
              Dropout& dropout);

Tensor split_heads(const Tensor& x, std::int64_t heads);  // [B, T, C] -> [B, heads, T, C / heads]
Tensor join_heads(const Tensor& x);                       // back

// The projections' names in checkpoints.
struct AttentionNames {
  const char* query = "query";
  const char* key = "key";
  const char* value = "value";
  const char* output = "output";
  bool key_bias = true;  // whether the key's projection has one
};

class MultiHeadAttention : public Module {
 public:
  MultiHeadAttention(std::int64_t size, std::int64_t heads, const Init& init, double dropout = 0,
                     const AttentionNames& names = {});
  // Returns [B, T, C] for
  //   query           [B, T, C]
  //   key and value   [B, S, C]
  //   mask            bool, broadcastable to [B, heads, T, S] (true: may attend), or undefined
  Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask = {});
  // Each token attends to all tokens of its text: x [N, C] -> [N, C].
  Tensor forward(const Tensor& x, const TokenRows& texts);
  // To those of its text that `mask` lets it see.
  Tensor forward(const Tensor& x, const TokenRows& texts, const Tensor& mask);
  // To all places of its sample in another sequence: x [N, C], memory [M, C] -> [N, C].
  Tensor forward(const Tensor& x, const TokenRows& texts, const Tensor& memory, const TokenRows& places);

  // For decoding token by token: keys and values of x [B, S, C], kept, and what the queries x [B, T, C] take of them.
  struct KeysAndValues {
    Tensor keys, values;  // [B, heads, S, D]
  };
  KeysAndValues keys_and_values(const Tensor& x);
  Tensor look_up(const Tensor& x, const KeysAndValues& kept, const Tensor& mask = {});

 private:
  // `from` [M, C] of the same samples.
  Tensor attend_rows(const Tensor& x, const TokenRows& texts, const Tensor& from, const TokenRows& places,
                     const Tensor& mask);

  std::int64_t heads_;
  Linear& query_;
  Linear& key_;
  Linear& value_;
  Linear& output_;
  Dropout& dropout_;
};

}  // namespace thaw
