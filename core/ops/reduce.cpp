// Reductions. `dims` empty means all dimensions; keepdim leaves them with size 1.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

// The shapes of a reduction: the input's, the output's with reduced dimensions of size 1, and the output's.
struct Shapes {
  Shape full, kept, result;
  std::int64_t count = 1;  // elements behind each output

  // `dims` of `x`, or all of them.
  Shapes(const char* name, const Tensor& x, const std::vector<int>& dims, bool keepdim) : full(x.shape()) {
    std::uint32_t reduced = dims.empty() ? ~0U : 0U;
    for (const int dim : dims) {
      const std::uint32_t bit = 1U << normalize_dim(name, dim, full);
      if (reduced & bit) fail('[', name, "] dimension ", dim, " is named twice, of ", full);
      reduced |= bit;
    }
    kept = full;
    for (int d = 0; d < full.rank(); ++d) {
      const bool gone = (reduced >> d & 1U) != 0;
      if (gone) count *= full[d];
      if (gone) kept[d] = 1;
      if (!gone || keepdim) result.push_back(kept[d]);
    }
  }
};

// Kernels expect the reduced dimensions in place, with size 1.
View with_kept_dims(Tensor& y, const Shape& kept) {
  View view = y;
  const Strides strides = contiguous_strides(kept);
  view.rank = static_cast<std::int8_t>(kept.rank());
  for (int d = 0; d < kept.rank(); ++d) {
    view.size[d] = kept[d];
    view.stride[d] = strides[d];
  }
  return view;
}

// A result, or its gradient, broadcast to the input's shape.
Tensor spread(const Tensor& y, const Shapes& shapes) { return expand(reshape(y, shapes.kept), shapes.full); }

Tensor reduce_sum(const char* name, const Tensor& x, const Shapes& shapes, double scale) {
  if (dtype_bytes(x.dtype()) < 4)
    fail('[', name, "] does not sum ", dtype_name(x.dtype()), "; cast to f32 or i64 first");
  Tensor y = empty(shapes.result, like(x));
  kernels::sum(with_kept_dims(y, shapes.kept), x, scale);
  return y;
}

// No elements have no extreme.
void check_not_empty(const char* name, const Tensor& x, const Shapes& shapes) {
  if (shapes.count == 0) fail('[', name, "] over no elements has no value: ", x.shape());
}

// The extreme of x over the reduced dimensions. Elements that equal it share the gradient:
//   y = extreme(x)
//   dx = dy * [x = y] / count(x = y)
Tensor extreme(const char* name, const Kernel<void(View, ConstView)>& kernel, const Tensor& x,
               const std::vector<int>& dims, bool keepdim) {
  if (dtype_bytes(x.dtype()) < 4)
    fail('[', name, "] does not order ", dtype_name(x.dtype()), "; cast to f32 or i64 first");
  const Shapes shapes(name, x, dims, keepdim);
  check_not_empty(name, x, shapes);
  Tensor y = empty(shapes.result, like(x));
  kernel(with_kept_dims(y, shapes.kept), x);
  return record(name, y, wrt(x, {x, y}, [shapes](const Tensor& dy, const Saved& s) {
                  const Tensor winners = cast(eq(s[0], spread(s[1], shapes)), dy.dtype());
                  return mul(winners, div(reshape(dy, shapes.kept), sum_to(winners, shapes.kept)));
                }));
}

}  // namespace

// Sum:
//   y = sum(x)
//   dx = dy, broadcast
Tensor sum(const Tensor& x, const std::vector<int>& dims, bool keepdim) {
  const Shapes shapes("sum", x, dims, keepdim);
  return record("sum", reduce_sum("sum", x, shapes, 1),
                wrt(x, {}, [shapes](const Tensor& dy, const Saved&) { return spread(dy, shapes); }));
}

// Mean of n elements:
//   y = sum(x) / n
//   dx = dy / n, broadcast
Tensor mean(const Tensor& x, const std::vector<int>& dims, bool keepdim) {
  check_floating("mean", x);
  const Shapes shapes("mean", x, dims, keepdim);
  const double scale = 1.0 / static_cast<double>(shapes.count);
  return record(
      "mean", reduce_sum("mean", x, shapes, scale),
      wrt(x, {}, [shapes, scale](const Tensor& dy, const Saved&) { return spread(dy * scale, shapes); }));
}

// Variance of n elements with mean m:
//   y = sum((x - m)^2) / (n - correction)
//   dx = dy * 2 * (x - m) / (n - correction)
Tensor var(const Tensor& x, const std::vector<int>& dims, double correction, bool keepdim) {
  check_floating("var", x);
  const Shapes shapes("var", x, dims, keepdim);
  const double divisor = std::max(0.0, static_cast<double>(shapes.count) - correction);
  Tensor y = empty(shapes.result, like(x));
  Tensor m = empty(shapes.result, like(x));
  kernels::variance(with_kept_dims(y, shapes.kept), with_kept_dims(m, shapes.kept), x, divisor);
  return record("var", y, wrt(x, {x}, [shapes, divisor](const Tensor& dy, const Saved& s) {
                  const Shapes& sh = shapes;
                  const Tensor total = sum_to(s[0], sh.kept);
                  const Tensor deviation = s[0] - total * (1.0 / static_cast<double>(sh.count));
                  return deviation * (reshape(dy, sh.kept) * (2 / divisor));
                }));
}

// Log-sum-exp:
//   y = ln(sum(e^x))
//   dx = dy * e^(x - y)
Tensor logsumexp(const Tensor& x, const std::vector<int>& dims, bool keepdim) {
  check_floating("logsumexp", x);
  const Shapes shapes("logsumexp", x, dims, keepdim);
  Tensor y = empty(shapes.result, like(x));
  kernels::logsumexp(with_kept_dims(y, shapes.kept), x);
  return record("logsumexp", y, wrt(x, {x, y}, [shapes](const Tensor& dy, const Saved& s) {
                  return mul(exp(sub(s[0], reshape(s[1], shapes.kept))), reshape(dy, shapes.kept));
                }));
}

Tensor amax(const Tensor& x, const std::vector<int>& dims, bool keepdim) {
  return extreme("amax", kernels::amax, x, dims, keepdim);
}

Tensor amin(const Tensor& x, const std::vector<int>& dims, bool keepdim) {
  return extreme("amin", kernels::amin, x, dims, keepdim);
}

// The first maximum along `dim`, by gather, which also gives its gradient.
Tensor max(const Tensor& x, int dim, bool keepdim) {
  if (x.rank() == 0) return max(unsqueeze(x, 0), dim, false);
  const Tensor y = gather(x, dim, argmax(x, dim, true));
  return keepdim ? y : squeeze(y, dim);
}

Tensor argmax(const Tensor& x, int dim, bool keepdim) {
  if (dtype_bytes(x.dtype()) < 4)
    fail("[argmax] does not order ", dtype_name(x.dtype()), "; cast to f32 or i64 first");
  if (x.rank() == 0) return argmax(unsqueeze(x, 0), dim, false);
  const Shapes shapes("argmax", x, {dim}, keepdim);
  check_not_empty("argmax", x, shapes);
  Tensor y = empty(shapes.result, like(x, DType::i64));
  kernels::argmax(with_kept_dims(y, shapes.kept), x, normalize_dim("argmax", dim, x.shape()));
  return y;
}

// The transpose of broadcasting from `shape` to x's shape:
//   y = sum(x) over the broadcast dimensions
//   dx = dy, broadcast
Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (shape.rank() > x.rank() || !(broadcast_shapes("sum_to", shape, x.shape()) == x.shape()))
    fail("[sum_to] ", shape, " does not broadcast to ", x.shape());
  Shape kept = x.shape();
  for (int d = 0; d < kept.rank(); ++d) {
    const int own = d - (kept.rank() - shape.rank());
    kept[d] = own < 0 ? 1 : shape[own];
  }
  Tensor y = empty(shape, like(x));
  kernels::sum(with_kept_dims(y, kept), x, 1);
  const Shape full = x.shape();
  return record("sum_to", y, wrt(x, {}, [full](const Tensor& dy, const Saved&) { return expand(dy, full); }));
}

}  // namespace thaw
