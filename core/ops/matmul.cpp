// Matrix products.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

Shape matmul_shape(const Tensor& a, const Tensor& b) {
  if (a.size(-1) != b.size(-2)) fail("[matmul] inner dimensions differ: a ", a.shape(), " x b ", b.shape());
  Shape batch_a = a.shape();
  Shape batch_b = b.shape();
  for (int i = 0; i < 2; ++i) {
    batch_a.erase(batch_a.rank() - 1);
    batch_b.erase(batch_b.rank() - 1);
  }
  Shape shape = broadcast_shapes("matmul", batch_a, batch_b);
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  return shape;
}

// The matrices of x, broadcast to the batch dimensions of y.
Tensor expand_batch(const Tensor& x, const Shape& y_shape) {
  Shape shape = y_shape;
  Strides strides = y_shape;
  const int shift = y_shape.rank() - x.rank();
  for (int d = 0; d < y_shape.rank(); ++d) {
    const bool is_matrix = d >= y_shape.rank() - 2;
    const bool has = d >= shift && (is_matrix || x.shape()[d - shift] == y_shape[d]);
    strides[d] = has ? x.strides()[d - shift] : 0;
    if (is_matrix) shape[d] = x.shape()[d - shift];
  }
  return make_view(x, shape, strides, x.impl()->offset);
}

// [.., C] -> [rows, C]
Tensor as_rows(const Tensor& x) {
  Shape leading = x.shape();
  leading.erase(x.rank() - 1);
  return reshape(x, {leading.numel(), x.size(-1)});
}

}  // namespace

// Matrix product, [.., m, k] x [.., k, n] -> [.., m, n]:
//   y = a @ b
//   da = dy @ b^T
//   db = a^T @ dy
Tensor matmul(const Tensor& a, const Tensor& b) {
  check_same_kind("matmul", {&a, &b});
  if (a.rank() == 0 || b.rank() == 0)
    fail("[matmul] scalars have no product: a ", a.shape(), " x b ", b.shape());
  if (a.rank() == 1) return squeeze(matmul(unsqueeze(a, 0), b), b.rank() == 1 ? 0 : -2);
  if (b.rank() == 1) return squeeze(matmul(a, unsqueeze(b, 1)), -1);
  Tensor y = empty(matmul_shape(a, b), like(a));
  kernels::gemm(y, expand_batch(a, y.shape()), expand_batch(b, y.shape()));
  return record_broadcasting(
      "matmul", y, wrt(a, {b}, [](const Tensor& dy, const Saved& s) { return matmul(dy, s[0].mT()); }),
      wrt(b, {a}, [](const Tensor& dy, const Saved& s) { return matmul(s[0].mT(), dy); }));
}

// Linear map, x [.., in], w [out, in], bias [out] -> y [.., out]:
//   y = x @ w^T + bias
//   dx = dy @ w
//   dw = dy^T @ x
//   dbias = sum_rows(dy)
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  check_same_kind("linear", {&x, &w, &bias});
  if (w.rank() != 2 || x.rank() == 0 || x.size(-1) != w.size(1))
    fail("[linear] the last dimension of x is not the weight's input size: x ", x.shape(), " x w ",
         w.shape());
  if (bias.defined() && !(bias.shape() == Shape{w.size(0)}))
    fail("[linear] the bias has shape ", bias.shape(), ", the weight ", w.shape(), " needs [", w.size(0),
         "]");
  Shape shape = x.shape();
  shape[x.rank() - 1] = w.size(0);
  Tensor y = empty(shape, like(x));
  Tensor rows_y = as_rows(y);
  const Tensor rows_x = as_rows(x.detach());
  kernels::linear(rows_y, rows_x, w, bias);
  return record(
      "linear", y, wrt(x, {w}, [](const Tensor& dy, const Saved& s) { return matmul(dy, s[0]); }),
      wrt(w, {x}, [](const Tensor& dy, const Saved& s) { return matmul(as_rows(dy).mT(), as_rows(s[0])); }),
      wrt(bias, {}, [](const Tensor& dy, const Saved&) { return sum_to(dy, {dy.size(-1)}); }));
}

void check_same_kind(const char* op, std::initializer_list<const Tensor*> tensors) {
  const Tensor* first = nullptr;
  for (const Tensor* t : tensors) {
    if (!t->defined()) continue;
    if (first == nullptr) first = t;
    if (t->dtype() != first->dtype())
      fail('[', op, "] dtypes differ: ", dtype_name(first->dtype()), " and ", dtype_name(t->dtype()),
           "; cast one");
    if (!(t->device() == first->device())) fail('[', op, "] the tensors are on different devices");
  }
}

void check_floating(const char* op, const Tensor& x) {
  if (!is_floating(x.dtype())) fail('[', op, "] needs a floating tensor, not ", dtype_name(x.dtype()));
  if (x.dtype() == DType::bf16) fail('[', op, "] does not compute in bf16; cast to f32 first");
}

}  // namespace thaw
