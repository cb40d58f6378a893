// Embedding: rows of a table by index.
#pragma once

#include "nn/module.h"

namespace thaw {

class Embedding : public Module {
 public:
  Embedding(std::int64_t rows, std::int64_t size, const std::string& path);
  Tensor forward(const Tensor& ids);  // i64 [..] -> [.., size]
  const ParameterPtr& weight() const { return weight_; }

 private:
  ParameterPtr weight_;
};

}  // namespace thaw
