// Embedding: rows of a table by index.
#pragma once

#include "nn/init.h"
#include "nn/module.h"

namespace thaw {

class Embedding : public Module {
 public:
  // `padding`: a row whose gradient is zero, like PyTorch's padding_idx; outside the table: none.
  Embedding(std::int64_t rows, std::int64_t size, const Init& init, std::int64_t padding = -1);
  Tensor forward(const Tensor& ids);  // i64 [..] -> [.., size]
  const ParameterPtr& weight() const { return weight_; }

 private:
  ParameterPtr weight_;
};

}  // namespace thaw
