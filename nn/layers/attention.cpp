#include "nn/layers/attention.h"

#include <cmath>

namespace thaw {

MultiHeadAttention::MultiHeadAttention(std::int64_t size, std::int64_t heads, const std::string& path,
                                       double dropout)
    : heads_(heads),
      query_(add_module("query", std::make_unique<Linear>(size, size, path + ".query"))),
      key_(add_module("key", std::make_unique<Linear>(size, size, path + ".key"))),
      value_(add_module("value", std::make_unique<Linear>(size, size, path + ".value"))),
      output_(add_module("output", std::make_unique<Linear>(size, size, path + ".output"))),
      dropout_(add_module("dropout", std::make_unique<Dropout>(dropout))) {
  if (heads < 1 || size % heads != 0)
    fail_input("[attention] ", heads, " heads do not divide the size ", size);
}

Tensor MultiHeadAttention::split_heads(const Tensor& x) const {
  return x.reshape({x.size(0), x.size(1), heads_, x.size(2) / heads_}).permute({0, 2, 1, 3});
}

Tensor MultiHeadAttention::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const Tensor& mask) {
  const TraceScope trace(scope());
  const Tensor q = split_heads(query_.forward(query));
  const Tensor k = split_heads(key_.forward(key));
  const Tensor v = split_heads(value_.forward(value));
  Tensor scores = matmul(q, k.mT()) * (1.0 / std::sqrt(static_cast<double>(q.size(-1))));
  if (mask.defined()) scores = where(mask, scores, full({}, -1e30, like(scores)));
  const Tensor heads = matmul(dropout_.forward(softmax(scores)), v);
  return output_.forward(heads.permute({0, 2, 1, 3}).reshape(query.shape()));
}

}  // namespace thaw
