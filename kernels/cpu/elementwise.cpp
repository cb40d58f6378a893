// Elementwise kernels with parameters, and where.
#include "kernels/cpu/elementwise.h"

namespace thaw::cpu {
namespace {

template <class T>
void affine_dense(void* y, const void* const* in, std::int64_t n, const double* params) {
  map_dense(
      static_cast<T*>(y), n,
      [params](auto x) {
        using V = decltype(x);
        return static_cast<V>(V(params[0]) * x + V(params[1]));
      },
      input<T>(in, 0));
}

template <class T>
void clamp_dense(void* y, const void* const* in, std::int64_t n, const double* params) {
  map_dense(
      static_cast<T*>(y), n,
      [params](auto x) {
        using V = decltype(x);
        return select(x < V(params[0]), V(params[0]), select(x > V(params[1]), V(params[1]), x));
      },
      input<T>(in, 0));
}

// Common exponents become multiplications, a root or a division; any other calls pow.
template <class T>
void pow_dense(void* out, const void* const* in, std::int64_t n, const double* params) {
  const double exponent = params[0];
  T* y = static_cast<T*>(out);
  const T* x = input<T>(in, 0);
  const auto map = [&](const auto& f) { map_dense(y, n, f, x); };
  using std::sqrt;
  if (exponent == 2) return map([](auto v) { return v * v; });
  if (exponent == 3) return map([](auto v) { return v * v * v; });
  if (exponent == 1) return map([](auto v) { return v; });
  if (exponent == 0.5) return map([](auto v) { return sqrt(v); });
  if (exponent == -1) return map([](auto v) { return decltype(v)(1) / v; });
  using std::pow;
  map([exponent](auto v) { return pow(v, decltype(v)(exponent)); });
}

template <class T>
void where_dense(void* y, const void* const* in, std::int64_t n, const double*) {
  const auto* condition = input<std::uint8_t>(in, 0);
  const T* a = input<T>(in, 1);
  const T* b = input<T>(in, 2);
  T* to = static_cast<T*>(y);
  for (std::int64_t i = 0; i < n; ++i) to[i] = condition[i] != 0 ? a[i] : b[i];
}

// Selection copies bits, whatever they mean, so one function per element size is enough.
DenseFunction where_function(DType dtype) {
  switch (dtype_bytes(dtype)) {
    case 1:
      return where_dense<std::uint8_t>;
    case 2:
      return where_dense<std::uint16_t>;
    case 4:
      return where_dense<std::uint32_t>;
    default:
      return where_dense<std::uint64_t>;
  }
}

}  // namespace

void affine(View y, ConstView x, double scale, double shift) {
  const double params[] = {scale, shift};
  DenseFunction function = affine_dense<float>;
  if (y.dtype == DType::f64) function = affine_dense<double>;
  if (y.dtype == DType::i64) function = affine_dense<std::int64_t>;
  if (y.dtype == DType::i32) function = affine_dense<std::int32_t>;
  elementwise(function, formula_grain(1), params, y, x);
}

void clamp(View y, ConstView x, double low, double high) {
  const double params[] = {low, high};
  elementwise(y.dtype == DType::f32 ? clamp_dense<float> : clamp_dense<double>, formula_grain(1), params, y,
              x);
}

void pow_scalar(View y, ConstView x, double exponent) {
  elementwise(y.dtype == DType::f32 ? pow_dense<float> : pow_dense<double>, formula_grain(25), &exponent, y,
              x);
}

void where(View y, ConstView condition, ConstView a, ConstView b) {
  elementwise(where_function(y.dtype), formula_grain(1), nullptr, y, condition, a, b);
}

}  // namespace thaw::cpu
