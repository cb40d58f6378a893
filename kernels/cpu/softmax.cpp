// Softmax and log-softmax over the last dimension of dense views. Each row is shifted by its maximum m, so
// that the largest exponential is 1 and nothing overflows:
//   softmax(x) = e^(x - m) / sum(e^(x - m))
//   log_softmax(x) = x - m - ln(sum(e^(x - m)))
#include <cmath>

#include "kernels/cpu/lanes.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

constexpr std::int64_t kExpWeight = 4;  // an element's cost relative to a plain pass

struct Rows {
  std::int64_t count;
  std::int64_t width;
};

Rows last_dimension(const Layout& view) {
  const std::int64_t width = view.rank == 0 ? 1 : view.size[view.rank - 1];
  return {width == 0 ? 0 : view.numel() / width, width};
}

template <class F>
void for_rows(Rows rows, std::int64_t weight, const F& f) {
  parallel_for(rows.count, row_grain(rows.width, weight), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) f(r * rows.width);
  });
}

template <class T>
void softmax_row(T* y, const T* x, std::int64_t n) {
  const T largest = max_row(x, n);
  const T total = sum_lanes<T>(n, [&](std::int64_t i, int count) {
    const Lanes<T> e = exp_lanes(load(x + i, count, -std::numeric_limits<T>::infinity()) - largest);
    store(y + i, e, count);
    return e;
  });
  const T scale = 1 / total;
  for_lanes<T>(n, [&](std::int64_t i, int count) { store(y + i, load(y + i, count) * scale, count); });
}

template <class T>
void log_softmax_row(T* y, const T* x, std::int64_t n) {
  const T largest = max_row(x, n);
  const T total = sum_lanes<T>(n, [&](std::int64_t i, int count) {
    return exp_lanes(load(x + i, count, -std::numeric_limits<T>::infinity()) - largest);
  });
  const T log_total = std::log(total);
  for_lanes<T>(
      n, [&](std::int64_t i, int count) { store(y + i, load(x + i, count) - largest - log_total, count); });
}

// The gradient of softmax:
//   dx = y * (dy - sum(y * dy))
template <class T>
void softmax_vjp_row(T* dx, const T* dy, const T* y, std::int64_t n) {
  const T dot =
      sum_lanes<T>(n, [&](std::int64_t i, int count) { return load(dy + i, count) * load(y + i, count); });
  for_lanes<T>(n, [&](std::int64_t i, int count) {
    store(dx + i, load(y + i, count) * (load(dy + i, count) - dot), count);
  });
}

// The gradient of log-softmax:
//   dx = dy - e^y * sum(dy)
template <class T>
void log_softmax_vjp_row(T* dx, const T* dy, const T* y, std::int64_t n) {
  const T total = sum_row(dy, n);
  for_lanes<T>(n, [&](std::int64_t i, int count) {
    store(dx + i, load(dy + i, count) - exp_lanes(load(y + i, count)) * total, count);
  });
}

}  // namespace

void softmax(View y, ConstView x) {
  const Rows rows = last_dimension(x);
  with_floating(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows(rows, kExpWeight,
             [&](std::int64_t at) { softmax_row(y.as<T>() + at, x.as<T>() + at, rows.width); });
  });
}

void softmax_vjp(View dx, ConstView dy, ConstView y) {
  const Rows rows = last_dimension(y);
  with_floating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows(rows, 1, [&](std::int64_t at) {
      softmax_vjp_row(dx.as<T>() + at, dy.as<T>() + at, y.as<T>() + at, rows.width);
    });
  });
}

void log_softmax(View y, ConstView x) {
  const Rows rows = last_dimension(x);
  with_floating(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows(rows, kExpWeight,
             [&](std::int64_t at) { log_softmax_row(y.as<T>() + at, x.as<T>() + at, rows.width); });
  });
}

void log_softmax_vjp(View dx, ConstView dy, ConstView y) {
  const Rows rows = last_dimension(y);
  with_floating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows(rows, kExpWeight, [&](std::int64_t at) {
      log_softmax_vjp_row(dx.as<T>() + at, dy.as<T>() + at, y.as<T>() + at, rows.width);
    });
  });
}

}  // namespace thaw::cpu
