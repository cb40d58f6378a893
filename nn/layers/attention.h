// Multi-head attention (Vaswani et al. 2017, eq. 1), with separate query, key, value and output projections.
#pragma once

#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/module.h"

namespace thaw {

class MultiHeadAttention : public Module {
 public:
  MultiHeadAttention(std::int64_t size, std::int64_t heads, const std::string& path, double dropout = 0);
  // query [B, T, C], key and value [B, S, C], mask bool broadcastable to [B, heads, T, S] (true: may attend)
  // or undefined -> [B, T, C].
  Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask = {});

 private:
  Tensor split_heads(const Tensor& x) const;  // [B, T, C] -> [B, heads, T, C / heads]

  std::int64_t heads_;
  Linear& query_;
  Linear& key_;
  Linear& value_;
  Linear& output_;
  Dropout& dropout_;
};

}  // namespace thaw
