// Maxima and minima over any dimensions. If an element is NaN, so is the result.
#pragma once

#include <limits>
#include <type_traits>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/reduce.h"
#include "kernels/cpu/vmath.h"
#include "kernels/kernels.h"

namespace thaw::cpu {

// F is formula::Maximum or formula::Minimum; the kernel defines finish().
template <class T, class F>
struct Extreme : Accumulator {
  using Wide = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;

  Extreme() : Accumulator({}) { value(start) = lowest<Wide>(); }

  static Wide& value(Carried& state) {
    if constexpr (std::is_integral_v<T>)
      return state.whole;
    else
      return state.real;
  }

  void run(std::int64_t, Carried& state, const void* from, std::int64_t stride,
           std::int64_t n) const override {
    const T* x = static_cast<const T*>(from);
    Wide best = value(state);
    if constexpr (std::is_same_v<T, float>) {
      if (stride == 1) {
        value(state) = F::f(best, static_cast<double>(dense(x, n)));
        return;
      }
    }
    for (std::int64_t k = 0; k < n; ++k) best = F::f(best, static_cast<Wide>(x[k * stride]));
    value(state) = best;
  }

  void columns(std::int64_t, Carried* states, const void* from, std::int64_t n, std::int64_t rows,
               std::int64_t stride) const override {
    const T* x = static_cast<const T*>(from);
    for (std::int64_t r = 0; r < rows; ++r, x += stride)
      for (std::int64_t c = 0; c < n; ++c) value(states[c]) = F::f(value(states[c]), static_cast<Wide>(x[c]));
  }

  void merge(Carried& into, Carried other) const override { value(into) = F::f(value(into), value(other)); }

 private:
  template <class V>
  static V lowest() {
    using Limits = std::numeric_limits<V>;
    constexpr bool kMaximum = std::is_same_v<F, formula::Maximum>;
    if constexpr (Limits::has_infinity)
      return kMaximum ? -Limits::infinity() : Limits::infinity();
    else
      return kMaximum ? Limits::lowest() : Limits::max();
  }

  static float dense(const float* x, std::int64_t n) {
    Floats best(lowest<double>());
    for_lanes<float>(n, [&](std::int64_t k, int count) {
      best = F::f(best, Floats(load(x + k, count, lowest<float>())));
    });
    float result = lowest<float>();
    for (int l = 0; l < kLanes<float>; ++l) result = F::f(result, static_cast<float>(best.v[l]));
    return result;
  }
};

}  // namespace thaw::cpu
