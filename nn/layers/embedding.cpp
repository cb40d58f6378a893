#include "nn/layers/embedding.h"

#include "core/autograd.h"
#include "core/ops.h"
#include "kernels/kernels.h"

namespace thaw {

Embedding::Embedding(std::int64_t rows, std::int64_t size, const Init& init, std::int64_t padding)
    : weight_(add_parameter("weight", init.normal({rows, size}, 1.0, "weight"), ParameterKind::embedding)) {
  if (padding < 0 || padding >= rows) return;
  weight_->tensor.register_hook([padding](const Tensor& gradient) {
    const NoGrad no_grad;
    Tensor row = select(gradient.detach(), 0, padding);
    kernels::fill(row, 0);
    return gradient;
  });
}

Tensor Embedding::forward(const Tensor& ids) {
  const TraceScope trace(scope());
  return embedding(weight_->tensor, ids);
}

}  // namespace thaw
