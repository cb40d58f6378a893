// amax, amin and argmax.
#include "kernels/cpu/reduce_extreme.h"

#include <algorithm>
#include <cassert>

#include "kernels/cpu/parallel.h"

namespace thaw::cpu {
namespace {

template <class T, class F>
struct WriteExtreme final : Extreme<T, F> {
  explicit WriteExtreme(T* to) : y(to) {}
  void finish(std::int64_t, std::int64_t offset, Carried state) const override {
    y[offset] = static_cast<T>(this->value(state));
  }
  T* y;
};

template <class F>
void extreme(const View& y, const ConstView& x) {
  switch (x.dtype) {
    case DType::f32:
      return reduce(y, x, WriteExtreme<float, F>(y.as<float>()));
    case DType::f64:
      return reduce(y, x, WriteExtreme<double, F>(y.as<double>()));
    case DType::i64:
      return reduce(y, x, WriteExtreme<std::int64_t, F>(y.as<std::int64_t>()));
    default:
      break;
  }
  assert(x.dtype == DType::i32);
  reduce(y, x, WriteExtreme<std::int32_t, F>(y.as<std::int32_t>()));
}

// The index of the first NaN, otherwise of the first maximum.
template <class T>
std::int64_t first_largest(const T* x, std::int64_t stride, std::int64_t n) {
  std::int64_t best = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const T value = x[i * stride];
    if (value != value) return i;
    if (value > x[best * stride]) best = i;
  }
  return best;
}

template <class T>
void argmax_of(const View& index, const ConstView& x, int dim) {
  const ReducedDims dims(index, x);
  const ReducedDims::Group& kept = dims.kept;
  const std::int64_t n = x.size[dim];
  const std::int64_t grain = kReduceChunk / std::max<std::int64_t>(1, n);
  parallel_for(kept.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* from = x.as<T>() + kept.x_offset(i);
      index.as<std::int64_t>()[kept.y_offset(i)] = first_largest(from, x.stride[dim], n);
    }
  });
}

}  // namespace

void amax(View y, ConstView x) { extreme<formula::Maximum>(y, x); }
void amin(View y, ConstView x) { extreme<formula::Minimum>(y, x); }

void argmax(View index, ConstView x, int dim) {
  switch (x.dtype) {
    case DType::f32:
      return argmax_of<float>(index, x, dim);
    case DType::f64:
      return argmax_of<double>(index, x, dim);
    case DType::i64:
      return argmax_of<std::int64_t>(index, x, dim);
    default:
      break;
  }
  assert(x.dtype == DType::i32);
  argmax_of<std::int32_t>(index, x, dim);
}

}  // namespace thaw::cpu
