// Views and copies. A view shares its input's storage: no kernel runs forward.
#include <algorithm>

#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

// `shape` with its -1 replaced by the size that fits.
Shape resolve_reshape(const Tensor& x, const Shape& shape) {
  Shape result = shape;
  int open = -1;
  std::int64_t known = 1;
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] < -1 || (shape[d] == -1 && open >= 0))
      fail("[reshape] ", x.shape(), " to ", shape, ": one size may be -1, the others must not be negative");
    if (shape[d] == -1) open = d;
    if (shape[d] != -1) known *= shape[d];
  }
  if (open >= 0 && known != 0) result[open] = x.numel() / known;
  if (result.numel() != x.numel() || (open >= 0 && known == 0))
    fail("[reshape] ", x.shape(), " has ", x.numel(), " elements, which do not fill ", shape);
  return result;
}

// Strides that make `shape` a view of x; false if there are none. Each contiguous run of x's dimensions is
// split anew.
bool view_strides(const Tensor& x, const Shape& shape, Strides& strides) {
  strides = contiguous_strides(shape);
  if (x.is_contiguous() || x.numel() == 0) return true;
  int to = shape.rank() - 1;
  int from = x.rank() - 1;
  while (from >= 0) {
    const std::int64_t step = x.strides()[from];
    std::int64_t run = x.shape()[from--];
    while (from >= 0 && (x.shape()[from] == 1 || x.strides()[from] == run * step)) run *= x.shape()[from--];
    std::int64_t filled = 1;
    while (to >= 0 && (filled < run || shape[to] == 1)) {
      strides[to] = filled * step;
      filled *= shape[to--];
    }
    if (filled != run) return false;
  }
  return true;
}

Shape without(const Shape& shape, int dim) {
  Shape result = shape;
  result.erase(dim);
  return result;
}

// The dimensions of x in the given order; `order` is an inline array, so that a vjp may hold it.
Tensor permute_to(const Tensor& x, const Shape& order) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  Shape inverse = order;
  for (int d = 0; d < x.rank(); ++d) {
    const int from = static_cast<int>(order[d]);
    shape[d] = x.shape()[from];
    strides[d] = x.strides()[from];
    inverse[from] = d;
  }
  return record("permute", make_view(x, shape, strides, x.impl()->offset),
                wrt(x, {}, [inverse](const Tensor& dy, const Saved&) { return permute_to(dy, inverse); }));
}

// Every step-th index of one dimension: `count` of them from `begin` on.
struct Span {
  int dim;
  std::int64_t begin, count, step;
};

Tensor span_view(const Tensor& x, const Span& span) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape[span.dim] = span.count;
  const std::int64_t offset = span.count == 0 ? 0 : span.begin * strides[span.dim];
  strides[span.dim] *= span.step;
  return make_view(x, shape, strides, x.impl()->offset + offset);
}

Tensor embed_span(const Tensor& x, const Span& span, const Shape& shape);

// Part of x:
//   y = x[.., span, ..]
//   dx[.., span, ..] = dy, elsewhere 0
Tensor take_span(const char* name, const Tensor& x, const Span& span) {
  const Shape full = x.shape();
  return record(name, span_view(x, span), wrt(x, {}, [span, full](const Tensor& dy, const Saved&) {
                  return embed_span(dy, span, full);
                }));
}

// The transpose of take_span, a tensor of the given shape:
//   y[.., span, ..] = x, elsewhere 0
//   dx = dy[.., span, ..]
Tensor embed_span(const Tensor& x, const Span& span, const Shape& shape) {
  Tensor y = zeros(shape, like(x));
  Tensor part = span_view(y, span);
  kernels::copy(part, x);
  return record("slice_grad", y,
                wrt(x, {}, [span](const Tensor& dy, const Saved&) { return take_span("slice", dy, span); }));
}

void check_defined(const char* name, const Tensor& x) {
  if (!x.defined()) fail('[', name, "] the tensor is undefined (a gradient that was never computed?)");
}

// Python's rule for an end of a range: negative counts from the end, values beyond the range are clipped.
std::int64_t clip_index(std::int64_t index, std::int64_t size) {
  return std::clamp<std::int64_t>(index < 0 ? index + size : index, 0, size);
}

}  // namespace

// x with other sizes; dx is dy with x's sizes.
Tensor reshape(const Tensor& x, const Shape& shape) {
  const Shape to = resolve_reshape(x, shape);
  const Shape from = x.shape();
  Strides strides;
  if (!view_strides(x, to, strides)) return reshape(contiguous(x), to);
  return record("reshape", make_view(x, to, strides, x.impl()->offset),
                wrt(x, {}, [from](const Tensor& dy, const Saved&) { return reshape(dy, from); }));
}

// x with its dimensions in the order `dims`; dx is dy in the inverse order.
Tensor permute(const Tensor& x, const std::vector<int>& dims) {
  Shape order = x.shape();
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < dims.size() && i < static_cast<std::size_t>(x.rank()); ++i) {
    const int dim = normalize_dim("permute", dims[i], x.shape());
    order[static_cast<int>(i)] = dim;
    seen |= 1U << dim;
  }
  if (static_cast<int>(dims.size()) != x.rank() || seen != (1U << x.rank()) - 1)
    fail("[permute] each dimension of ", x.shape(), " must be named once; ", dims.size(), " were given");
  return permute_to(x, order);
}

Tensor transpose(const Tensor& x, int a, int b) {
  Shape order = x.shape();
  for (int d = 0; d < x.rank(); ++d) order[d] = d;
  a = normalize_dim("transpose", a, x.shape());
  b = normalize_dim("transpose", b, x.shape());
  if (x.rank() == 0) return x;
  order[a] = b;
  order[b] = a;
  return permute_to(x, order);
}

// Python's slice:
//   y = x[.., begin:end:step, ..]
Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end, std::int64_t step) {
  if (x.rank() == 0) fail("[slice] a scalar has no dimension to slice");
  if (step <= 0) fail("[slice] the step must be positive, not ", step);
  dim = normalize_dim("slice", dim, x.shape());
  begin = clip_index(begin, x.size(dim));
  end = clip_index(end, x.size(dim));
  const std::int64_t count = end <= begin ? 0 : (end - begin - 1) / step + 1;
  return take_span("slice", x, {dim, begin, count, step});
}

// One index of a dimension, which is dropped:
//   y = x[.., index, ..]
Tensor select(const Tensor& x, int dim, std::int64_t index) {
  if (x.rank() == 0) fail("[select] a scalar has no dimension to select from");
  dim = normalize_dim("select", dim, x.shape());
  const std::int64_t size = x.size(dim);
  if (index < -size || index >= size)
    fail("[select] index ", index, " is out of range for dimension ", dim, " of ", x.shape());
  const Tensor y = take_span("select", x, {dim, index < 0 ? index + size : index, 1, 1});
  return reshape(y, without(y.shape(), dim));
}

Tensor squeeze(const Tensor& x, int dim) {
  dim = normalize_dim("squeeze", dim, x.shape());
  if (x.rank() == 0) return x;
  if (x.size(dim) != 1) fail("[squeeze] dimension ", dim, " of ", x.shape(), " does not have size 1");
  return reshape(x, without(x.shape(), dim));
}

Tensor unsqueeze(const Tensor& x, int dim) {
  if (dim < -x.rank() - 1 || dim > x.rank())
    fail("[unsqueeze] dimension ", dim, " is out of range for ", x.shape(), " with one more");
  Shape shape = x.shape();
  shape.insert(dim < 0 ? dim + x.rank() + 1 : dim, 1);
  return reshape(x, shape);
}

// Dimensions first .. last as one; a scalar becomes [1].
Tensor flatten(const Tensor& x, int first, int last) {
  first = normalize_dim("flatten", first, x.shape());
  last = normalize_dim("flatten", last, x.shape());
  if (first > last) fail("[flatten] dimension ", first, " comes after ", last, ", of ", x.shape());
  if (x.rank() == 0) return reshape(x, {1});
  Shape shape;
  std::int64_t run = 1;
  for (int d = 0; d < x.rank(); ++d) {
    run = d > first && d <= last ? run * x.size(d) : x.size(d);
    if (d < first || d >= last) shape.push_back(run);
  }
  return reshape(x, shape);
}

// x broadcast to `shape` by strides of 0; dx is dy summed over the broadcast dimensions.
Tensor expand(const Tensor& x, const Shape& shape) {
  Shape to = shape;
  Strides strides = shape;
  const int shift = shape.rank() - x.rank();
  bool fits = shift >= 0;
  for (int d = 0; d < shape.rank() && fits; ++d) {
    const bool own = d >= shift;
    if (own && to[d] == -1) to[d] = x.size(d - shift);
    const bool same = own && x.size(d - shift) == to[d];
    fits = same || (to[d] >= 0 && (!own || x.size(d - shift) == 1));
    strides[d] = same ? x.strides()[d - shift] : 0;
  }
  if (!fits) fail("[expand] ", x.shape(), " does not broadcast to ", shape);
  const Shape from = x.shape();
  return record("expand", make_view(x, to, strides, x.impl()->offset),
                wrt(x, {}, [from](const Tensor& dy, const Saved&) { return sum_to(dy, from); }));
}

// The xs joined along `dim`; the dx of each is its part of dy.
Tensor concatenate(const std::vector<Tensor>& xs, int dim) {
  if (xs.empty()) fail("[concatenate] an empty list");
  const Tensor& first = xs.front();
  if (first.rank() == 0) fail("[concatenate] scalars have no dimension to join along; use stack");
  dim = normalize_dim("concatenate", dim, first.shape());
  Shape shape = first.shape();
  shape[dim] = 0;
  for (const Tensor& x : xs) {
    check_same_kind("concatenate", {&first, &x});
    if (x.rank() != shape.rank() || !(without(x.shape(), dim) == without(shape, dim)))
      fail("[concatenate] shapes differ besides dimension ", dim, ": ", first.shape(), " and ", x.shape());
    shape[dim] += x.size(dim);
  }
  Tensor y = empty(shape, like(first));
  std::vector<Wrt> edges;
  std::int64_t begin = 0;
  for (const Tensor& x : xs) {
    const Span span{dim, begin, x.size(dim), 1};
    Tensor part = span_view(y, span);
    kernels::copy(part, x);
    edges.push_back(
        wrt(x, {}, [span](const Tensor& dy, const Saved&) { return take_span("slice", dy, span); }));
    begin += span.count;
  }
  return record("concatenate", y, std::move(edges));
}

Tensor stack(const std::vector<Tensor>& xs, int dim) {
  if (xs.empty()) fail("[stack] an empty list");
  std::vector<Tensor> lifted;
  for (const Tensor& x : xs) {
    if (!(x.shape() == xs.front().shape()))
      fail("[stack] shapes differ: ", xs.front().shape(), " and ", x.shape());
    lifted.push_back(unsqueeze(x, dim));
  }
  return concatenate(lifted, dim);
}

// x with `value` around it; dx is the inner part of dy.
Tensor pad(const Tensor& x, const std::vector<std::int64_t>& before_after, double value) {
  const int pairs = static_cast<int>(before_after.size() / 2);
  const bool negative =
      std::any_of(before_after.begin(), before_after.end(), [](std::int64_t n) { return n < 0; });
  if (before_after.size() % 2 != 0 || pairs > x.rank() || negative)
    fail("[pad] needs a (before, after) pair for each of at most ", x.rank(),
         " dimensions, last dimension first, "
         "none negative; ",
         before_after.size(), " sizes were given for ", x.shape());
  Shape shape = x.shape();
  Shape begin = x.shape();
  for (int d = 0; d < x.rank(); ++d) begin[d] = 0;
  for (int i = 0; i < pairs; ++i) {
    const int d = x.rank() - 1 - i;
    const std::int64_t* pair = before_after.data() + std::ptrdiff_t{2} * i;
    begin[d] = pair[0];
    shape[d] += pair[0] + pair[1];
  }
  Tensor y = full(shape, value, like(x));
  Tensor inside = y;
  for (int d = 0; d < x.rank(); ++d) inside = span_view(inside, {d, begin[d], x.size(d), 1});
  kernels::copy(inside, x);
  const Shape from = x.shape();
  return record("pad", y, wrt(x, {}, [begin, from](const Tensor& dy, const Saved&) {
                  Tensor dx = dy;
                  for (int d = 0; d < from.rank(); ++d)
                    if (dx.size(d) != from[d]) dx = take_span("slice", dx, {d, begin[d], from[d], 1});
                  return dx;
                }));
}

// x in row-major order without gaps; dx is dy.
Tensor contiguous(const Tensor& x) {
  check_defined("contiguous", x);
  if (x.is_contiguous()) return x;
  Tensor y = empty(x.shape(), like(x));
  kernels::copy(y, x);
  return record("contiguous", y, wrt(x, {}, [](const Tensor& dy, const Saved&) { return dy; }));
}

// x in another dtype; dx is dy in x's dtype.
Tensor cast(const Tensor& x, DType dtype) {
  check_defined("cast", x);
  if (x.dtype() == dtype) return x;
  Tensor y = empty(x.shape(), like(x, dtype));
  kernels::copy(y, x);
  if (!is_floating(dtype)) return y;
  const DType from = x.dtype();
  return record("cast", y, wrt(x, {}, [from](const Tensor& dy, const Saved&) { return cast(dy, from); }));
}

}  // namespace thaw
