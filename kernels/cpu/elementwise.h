// Turns a formula of kernels/scalar.h into the dense function of an elementwise kernel. f32 runs eight lanes
// at a time, with the remainder padded to a whole vector, so that an element's bits do not depend on its
// position. Other types run one element at a time.
#pragma once

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/vmath.h"
#include "kernels/kernels.h"

namespace thaw::cpu {

// Elements per chunk for a formula of `flops` FLOPs per element. A formula bound by memory needs larger
// chunks.
constexpr std::int64_t formula_grain(int flops) { return flops <= 4 ? 4 * kElementGrain : kElementGrain; }

// y[i] = f(x[i]...) for f on Floats.
template <class F, class... X>
inline void map_dense(float* y, std::int64_t n, const F& f, const X*... x) {
  for_lanes<float>(
      n, [&](std::int64_t i, int count) { store(y + i, f(Floats(load(x + i, count))...).v, count); });
}

// y[i] = f(x[i]...) for f on plain numbers.
template <class T, class F, class... X>
requires(!std::is_same_v<T, float>) inline void map_dense(T* y, std::int64_t n, const F& f, const X*... x) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = f(x[i]...);
}

template <class T>
const T* input(const void* const* in, int k) {
  return static_cast<const T*>(in[k]);
}

}  // namespace thaw::cpu
