// Random tensors and dropout: functions of a key, see core/random.h.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {

// Dropout (Srivastava et al. 2014), inverted. The mask is a function of (key, row id, index in the row), so
// that backward draws it again instead of keeping it:
//   y = x * mask / (1 - p)
//   dx = dy * mask / (1 - p)
Tensor dropout(const Tensor& x, double p, RandomKey key, const Tensor& row_ids) {
  check_floating("dropout", x);
  if (!(p >= 0 && p <= 1)) fail("[dropout] the probability is ", p, ", it must be in [0, 1]");
  if (row_ids.defined() &&
      (row_ids.dtype() != DType::i64 || x.rank() == 0 || !(row_ids.shape() == Shape{x.size(0)})))
    fail("[dropout] row ids are i64, one for each row of ", x.shape(), "; got ", dtype_name(row_ids.dtype()),
         ' ', row_ids.shape());
  if (p == 0) return x;
  const Tensor ids = row_ids.defined() ? contiguous(row_ids) : row_ids;
  Tensor y = empty(x.shape(), like(x));
  kernels::dropout(y, contiguous(x.detach()), ids, p, key);
  return record("dropout", y, wrt(x, {ids}, [p, key](const Tensor& dy, const Saved& s) {
                  return dropout(dy, p, key, s[0]);
                }));
}

namespace {

Tensor random_tensor(const char* op, const Shape& shape, const Options& options) {
  Tensor y = empty(shape, options);
  check_floating(op, y);
  return y;
}

}  // namespace

Tensor rand(const Shape& shape, RandomKey key, double low, double high, Options options) {
  Tensor y = random_tensor("rand", shape, options);
  kernels::uniform(y, low, high, key);
  return y;
}

Tensor randn(const Shape& shape, RandomKey key, double mean, double deviation, Options options) {
  Tensor y = random_tensor("randn", shape, options);
  kernels::normal(y, mean, deviation, key);
  return y;
}

}  // namespace thaw
