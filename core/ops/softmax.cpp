// Softmax and log-softmax over any dimension. The kernels work on the last one; another is moved there first.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

// 0-d tensors count as one row of one element.
bool is_last(const char* op, const Tensor& x, int dim) {
  return x.rank() == 0 || normalize_dim(op, dim, x.shape()) == x.rank() - 1;
}

}  // namespace

// Softmax over dim:
//   y = e^x / sum(e^x)
//   dx = y * (dy - sum(y * dy))
Tensor softmax(const Tensor& x, int dim) {
  check_floating("softmax", x);
  if (!is_last("softmax", x, dim)) return transpose(softmax(transpose(x, dim, -1)), dim, -1);
  const Tensor dense = contiguous(x);
  Tensor y = empty(x.shape(), like(x));
  kernels::softmax(y, dense);
  return record("softmax", y, wrt(dense, {y}, [](const Tensor& dy, const Saved& s) {
                  if (grad_enabled()) return s[0] * (dy - sum(s[0] * dy, {-1}, true));
                  Tensor dx = empty(dy.shape(), like(dy));
                  kernels::softmax_vjp(dx, contiguous(dy), s[0]);
                  return dx;
                }));
}

// Log-softmax over dim:
//   y = x - ln(sum(e^x))
//   dx = dy - e^y * sum(dy)
Tensor log_softmax(const Tensor& x, int dim) {
  check_floating("log_softmax", x);
  if (!is_last("log_softmax", x, dim)) return transpose(log_softmax(transpose(x, dim, -1)), dim, -1);
  const Tensor dense = contiguous(x);
  Tensor y = empty(x.shape(), like(x));
  kernels::log_softmax(y, dense);
  return record("log_softmax", y, wrt(dense, {y}, [](const Tensor& dy, const Saved& s) {
                  if (grad_enabled()) return dy - exp(s[0]) * sum(dy, {-1}, true);
                  Tensor dx = empty(dy.shape(), like(dy));
                  kernels::log_softmax_vjp(dx, contiguous(dy), s[0]);
                  return dx;
                }));
}

}  // namespace thaw
