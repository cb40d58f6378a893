// The kernels of the unary formulas:
//   y = f(x)
//   dx = dy * df(saved)
// and of those with a number:
//   y = f(x, p)
//   dx = dy * df(x, p)
#include "kernels/cpu/elementwise.h"

namespace thaw::cpu {
namespace {

template <class F, class T>
void forward(void* y, const void* const* in, std::int64_t n, const double*) {
  map_dense(
      static_cast<T*>(y), n, [](auto x) { return F::f(x); }, input<T>(in, 0));
}

template <class F, class T>
void backward(void* dx, const void* const* in, std::int64_t n, const double*) {
  map_dense(
      static_cast<T*>(dx), n, [](auto dy, auto saved) { return dy * F::df(saved); }, input<T>(in, 0),
      input<T>(in, 1));
}

template <class F, class T>
void forward_with(void* y, const void* const* in, std::int64_t n, const double* p) {
  map_dense(
      static_cast<T*>(y), n, [p](auto x) { return F::f(x, decltype(x)(*p)); }, input<T>(in, 0));
}

template <class F, class T>
void backward_with(void* dx, const void* const* in, std::int64_t n, const double* p) {
  map_dense(
      static_cast<T*>(dx), n, [p](auto dy, auto x) { return dy * F::df(x, decltype(x)(*p)); },
      input<T>(in, 0), input<T>(in, 1));
}

}  // namespace

#define THAW_DEFINE(name, Formula, flops)                                                    \
  void name(View y, ConstView x) {                                                           \
    using F = formula::Formula;                                                              \
    const auto function = y.dtype == DType::f32 ? forward<F, float> : forward<F, double>;    \
    elementwise(function, formula_grain(flops), nullptr, y, x);                              \
  }                                                                                          \
  void name##_vjp(View dx, ConstView dy, ConstView saved) {                                  \
    using F = formula::Formula;                                                              \
    const auto function = dx.dtype == DType::f32 ? backward<F, float> : backward<F, double>; \
    elementwise(function, formula_grain(flops), nullptr, dx, dy, saved);                     \
  }
THAW_UNARY_KERNELS(THAW_DEFINE)
#undef THAW_DEFINE

#define THAW_DEFINE(name, Formula, flops)                                                              \
  void name(View y, ConstView x, double p) {                                                           \
    using F = formula::Formula;                                                                        \
    const auto function = y.dtype == DType::f32 ? forward_with<F, float> : forward_with<F, double>;    \
    elementwise(function, formula_grain(flops), &p, y, x);                                             \
  }                                                                                                    \
  void name##_vjp(View dx, ConstView dy, ConstView x, double p) {                                      \
    using F = formula::Formula;                                                                        \
    const auto function = dx.dtype == DType::f32 ? backward_with<F, float> : backward_with<F, double>; \
    elementwise(function, formula_grain(flops), &p, dx, dy, x);                                        \
  }
THAW_NUMBER_KERNELS(THAW_DEFINE)
#undef THAW_DEFINE

}  // namespace thaw::cpu
