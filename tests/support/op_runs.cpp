#include "tests/support/op_runs.h"

#include <cmath>

#include "core/autograd.h"

namespace thaw::test {
namespace {

std::vector<Tensor> make_leaves(const std::vector<Tensor>& tensors, InputMask trainable) {
  std::vector<Tensor> leaves;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    leaves.push_back(tensors[i].detach());
    if ((trainable >> i & 1U) != 0) leaves.back().set_requires_grad();
  }
  return leaves;
}

}  // namespace

std::vector<OpRow> rows_where(const std::function<bool(const OpRow&)>& predicate) {
  std::vector<OpRow> rows;
  for (const OpRow& row : op_table().rows())
    if (predicate(row)) rows.push_back(row);
  return rows;
}

InputMask differentiable_inputs(const OpSample& sample) {
  InputMask mask = 0;
  for (std::size_t i = 0; i < sample.size(); ++i)
    if (sample[i].differentiable) mask |= InputMask{1} << i;
  return mask;
}

OpRun run_op(const OpRow& row, const std::vector<Tensor>& tensors, InputMask trainable, const Tensor& dy) {
  const std::vector<Tensor> leaves = make_leaves(tensors, trainable);
  OpRun run;
  run.y = row.fn(leaves);
  if (needs_grad(run.y)) backward(run.y, dy);
  for (const Tensor& leaf : leaves) run.gradients.push_back(leaf.grad());
  return run;
}

Tensor call_op(const OpRow& row, const std::vector<Tensor>& tensors, InputMask trainable) {
  return row.fn(make_leaves(tensors, trainable));
}

Tensor make_dy(const Tensor& y) {
  if (y.device() == kMeta) return empty(y.shape(), like(y));
  double n = 0;
  const Array values = build(y.shape(), [&](const Index&) {
    n += 1;
    return (std::fmod(n * n, 17) - 8) / 8 + 0.0625;
  });
  return from_vector(values.values, y.shape(), like(y));
}

}  // namespace thaw::test
