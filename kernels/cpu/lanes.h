// SIMD lanes for kernels that walk dense rows: 32 bytes of f32 or f64 by the compilers' vector extension,
// which becomes AVX2 where available and portable code elsewhere.
//
// A row is cut into whole vectors and a remainder. The remainder runs through the same vector arithmetic,
// with its unused lanes set to a neutral value. So an element's bits depend on its row alone, and sums have
// one fixed order.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/vmath.h"
#include "kernels/view.h"

namespace thaw::cpu {

template <class T>
struct LanesOf;
template <>
struct LanesOf<float> {
  typedef float type __attribute__((vector_size(32)));
};
template <>
struct LanesOf<double> {
  typedef double type __attribute__((vector_size(32)));
};

template <class T>
using Lanes = typename LanesOf<T>::type;
template <class T>
inline constexpr int kLanes = static_cast<int>(32 / sizeof(T));

template <class T>
inline Lanes<T> splat(T x) {
  return x - Lanes<T>{};
}

template <class T>
inline Lanes<T> load(const T* from) {
  Lanes<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

// The first `count` elements; `fill` in the lanes above them.
template <class T>
inline Lanes<T> load(const T* from, int count, T fill = 0) {
  if (count == kLanes<T>) return load(from);
  Lanes<T> v = splat(fill);
  for (int i = 0; i < count; ++i) v[i] = from[i];
  return v;
}

template <class T>
inline void store(T* to, Lanes<T> v, int count) {
  if (count == kLanes<T>) {
    std::memcpy(to, &v, sizeof v);
    return;
  }
  for (int i = 0; i < count; ++i) to[i] = v[i];
}

// Optional arguments: null when absent.
template <class T>
const T* data_or_null(ConstView view) {
  return present(view) ? view.as<T>() : nullptr;
}
template <class T>
T* data_or_null(View view) {
  return present(view) ? view.as<T>() : nullptr;
}

template <class T>
inline Lanes<T> load_or(const T* from, std::int64_t at, int count, T otherwise) {
  return from ? load(from + at, count) : splat(otherwise);
}

// Calls f(offset, count) for each whole vector of [0, n) and for the remainder.
template <class T, class F>
inline void for_lanes(std::int64_t n, const F& f) {
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) f(i, kLanes<T>);
  if (i < n) f(i, static_cast<int>(n - i));
}

// Sum over [0, n) of the vectors f(offset, count), which must be 0 in unused lanes. Four running sums hide
// the latency of addition. Which of them a vector goes into depends on its offset alone, so that zeros behind
// the last element (what padding adds to a softmax) change no bit.
template <class T, class F>
inline T sum_lanes(std::int64_t n, const F& f) {
  constexpr int w = kLanes<T>;
  Lanes<T> s0{}, s1{}, s2{}, s3{};
  std::int64_t i = 0;
  for (; i + 4 * w <= n; i += 4 * w) {
    s0 += f(i, w);
    s1 += f(i + w, w);
    s2 += f(i + 2 * w, w);
    s3 += f(i + 3 * w, w);
  }
  const auto next = [&](Lanes<T>& sum) {
    if (i >= n) return;
    sum += f(i, static_cast<int>(n - i < w ? n - i : w));
    i += w;
  };
  next(s0);
  next(s1);
  next(s2);
  next(s3);
  s0 = (s0 + s1) + (s2 + s3);
  T total = 0;
  for (int l = 0; l < w; ++l) total += s0[l];
  return total;
}

template <class T>
inline T sum_row(const T* x, std::int64_t n) {
  return sum_lanes<T>(n, [x](std::int64_t i, int count) { return load(x + i, count); });
}

// The largest element of a row, -inf for an empty one. A NaN may be skipped: callers subtract the result from
// every element, which brings the NaN back.
template <class T>
inline T max_row(const T* x, std::int64_t n) {
  const T lowest = -std::numeric_limits<T>::infinity();
  Lanes<T> m = splat(lowest);
  for_lanes<T>(n, [&](std::int64_t i, int count) {
    const Lanes<T> v = load(x + i, count, lowest);
    m = v > m ? v : m;
  });
  T largest = lowest;
  for (int l = 0; l < kLanes<T>; ++l) largest = std::max<T>(largest, m[l]);
  return largest;
}

inline Lanes<float> exp_lanes(Lanes<float> x) { return vmath::exp(x); }
inline Lanes<double> exp_lanes(Lanes<double> x) {
  for (int l = 0; l < kLanes<double>; ++l) x[l] = std::exp(x[l]);
  return x;
}

// Rows of `width` elements per chunk of work. `weight`: the cost of an element relative to a plain pass.
inline std::int64_t row_grain(std::int64_t width, std::int64_t weight = 1) {
  return std::max<std::int64_t>(1, kElementGrain / std::max<std::int64_t>(1, width * weight));
}

// Calls f with a zero of the C++ type of a floating dtype.
template <class F>
inline void with_floating(DType dtype, const F& f) {
  assert(dtype == DType::f32 || dtype == DType::f64);
  if (dtype == DType::f32) {
    f(float{});
  } else {
    f(double{});
  }
}

}  // namespace thaw::cpu
