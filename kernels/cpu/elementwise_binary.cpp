// The kernels of the binary formulas and of the comparisons, z = f(a, b), and accumulate, y += x.
#include <utility>

#include "kernels/cpu/elementwise.h"

namespace thaw::cpu {
namespace {

template <class F, class T>
void combine(void* z, const void* const* in, std::int64_t n, const double*) {
  map_dense(
      static_cast<T*>(z), n, [](auto a, auto b) { return static_cast<decltype(a)>(F::f(a, b)); },
      input<T>(in, 0), input<T>(in, 1));
}

template <class F, class T>
void compare(void* z, const void* const* in, std::int64_t n, const double*) {
  map_dense(
      static_cast<std::uint8_t*>(z), n, [](T a, T b) { return static_cast<std::uint8_t>(F::f(a, b)); },
      input<T>(in, 0), input<T>(in, 1));
}

// Formulas that are defined on integers.
template <class F>
constexpr bool kOnIntegers =
    std::is_same_v<F, formula::Add> || std::is_same_v<F, formula::Sub> || std::is_same_v<F, formula::Mul> ||
    std::is_same_v<F, formula::Maximum> || std::is_same_v<F, formula::Minimum>;

template <class F>
DenseFunction combine_function(DType dtype) {
  if constexpr (kOnIntegers<F>) {
    if (dtype == DType::i64) return combine<F, std::int64_t>;
    if (dtype == DType::i32) return combine<F, std::int32_t>;
  }
  assert(dtype == DType::f32 || dtype == DType::f64);
  return dtype == DType::f32 ? combine<F, float> : combine<F, double>;
}

template <class F>
DenseFunction compare_function(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return compare<F, float>;
    case DType::f64:
      return compare<F, double>;
    case DType::i64:
      return compare<F, std::int64_t>;
    case DType::i32:
      return compare<F, std::int32_t>;
    default:
      break;
  }
  assert(dtype == DType::u8 || dtype == DType::boolean);
  return compare<F, std::uint8_t>;
}

}  // namespace

#define THAW_DEFINE(name, Formula, flops)                                                             \
  void name(View z, ConstView a, ConstView b) {                                                       \
    elementwise(combine_function<formula::Formula>(z.dtype), formula_grain(flops), nullptr, z, a, b); \
  }
THAW_BINARY_KERNELS(THAW_DEFINE)
#undef THAW_DEFINE

#define THAW_DEFINE(name, Formula, flops)                                                             \
  void name(View z, ConstView a, ConstView b) {                                                       \
    elementwise(compare_function<formula::Formula>(a.dtype), formula_grain(flops), nullptr, z, a, b); \
  }
THAW_COMPARE_KERNELS(THAW_DEFINE)
#undef THAW_DEFINE

void accumulate(View y, ConstView x) { add(y, y, x); }

}  // namespace thaw::cpu
