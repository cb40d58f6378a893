#include "nn/layers/dropout.h"

#include "core/ops.h"
#include "core/random.h"

namespace thaw {

Dropout::Dropout(double p) : p_(0) { set_p(p); }

void Dropout::set_p(double p) {
  if (!(p >= 0 && p < 1)) fail_input("[dropout] the probability ", p, " is not in [0, 1)");
  p_ = p;
}

Tensor Dropout::forward(const Tensor& x) { return forward(x, random_context().row_ids); }

Tensor Dropout::forward(const Tensor& x, const Tensor& row_ids) {
  if (!live()) return x;
  const TraceScope trace(scope());
  const RandomContext& context = random_context();
  return dropout(x, p_, random_key(context.seed, path(), context.step, context.micro_batch), row_ids);
}

}  // namespace thaw
