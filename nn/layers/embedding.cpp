#include "nn/layers/embedding.h"

#include "nn/init.h"

namespace thaw {

Embedding::Embedding(std::int64_t rows, std::int64_t size, const std::string& path)
    : weight_(add_parameter("weight", init::normal({rows, size}, 1.0, path + ".weight"),
                            ParameterKind::embedding)) {}

Tensor Embedding::forward(const Tensor& ids) {
  const TraceScope trace(scope());
  return embedding(weight_->tensor, ids);
}

}  // namespace thaw
