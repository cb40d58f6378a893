// Sums and the reductions made of them: mean, variance, log-sum-exp, gradient norms, counts of NaN and
// infinities.
//
// Floating-point sums are accumulated in f64 over sixteen lanes. This costs little next to the memory
// traffic, and leaves the rounding of the result as the only error that matters.
#include <algorithm>
#include <cassert>
#include <cmath>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/reduce.h"
#include "kernels/cpu/reduce_extreme.h"
#include "kernels/cpu/vmath.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

typedef float Float4 __attribute__((vector_size(16)));
typedef double Double4 __attribute__((vector_size(32)));

struct Wide {
  Double4 low, high;
};

Wide widen(Float8 x) {
  Float4 half[2];
  std::memcpy(half, &x, sizeof x);
  return {__builtin_convertvector(half[0], Double4), __builtin_convertvector(half[1], Double4)};
}

// What is summed. narrow() maps an element in its own type, wide() then in f64; `i` is the output's number.
struct Plain {
  template <class V>
  V narrow(V x, std::int64_t) const {
    return x;
  }
  template <class V>
  V wide(V x, std::int64_t) const {
    return x;
  }
};

struct Squares : Plain {
  template <class V>
  V wide(V x, std::int64_t) const {
    return x * x;
  }
};

struct SquaredDeviations : Plain {
  explicit SquaredDeviations(const double* means) : mean(means) {}
  template <class V>
  V wide(V x, std::int64_t i) const {
    return (x - mean[i]) * (x - mean[i]);
  }
  const double* mean;
};

struct ShiftedExp : Plain {
  explicit ShiftedExp(const double* shifts) : shift(shifts) {}
  template <class V>
  V narrow(V x, std::int64_t i) const {
    using std::exp;
    return exp(x - V(shift[i]));
  }
  const double* shift;
};

struct NonFinite : Plain {
  template <class V>
  V narrow(V x, std::int64_t) const {
    return select(x - x == V(0), V(0), V(1));
  }
};

// Sums map(x) over floating-point elements; write(i, offset, total) takes each result.
template <class T, class Map, class Write>
struct Sum final : Accumulator {
  Sum(const Map& what, const Write& to) : Accumulator({.real = 0}), map(what), write(to) {}

  void merge(Carried& into, Carried other) const override { into.real += other.real; }
  void finish(std::int64_t i, std::int64_t offset, Carried total) const override {
    write(i, offset, total.real);
  }

  void run(std::int64_t i, Carried& state, const void* from, std::int64_t stride,
           std::int64_t n) const override {
    const T* x = static_cast<const T*>(from);
    if constexpr (std::is_same_v<T, float>) {
      if (stride == 1) {
        state.real += dense(i, x, n);
        return;
      }
    }
    double lane[4] = {};
    for (std::int64_t k = 0; k < n; ++k) lane[k & 3] += value(x[k * stride], i);
    state.real += (lane[0] + lane[1]) + (lane[2] + lane[3]);
  }

  void columns(std::int64_t i, Carried* states, const void* from, std::int64_t n, std::int64_t rows,
               std::int64_t stride) const override {
    const T* x = static_cast<const T*>(from);
    std::int64_t c = 0;
    if constexpr (std::is_same_v<T, float> && std::is_same_v<Map, Plain>) {
      for (; c + 8 <= n; c += 8) add_columns8(states + c, x + c, rows, stride);
    }
    for (std::int64_t r = 0; r < rows; ++r, x += stride)
      for (std::int64_t k = c; k < n; ++k) states[k].real += value(x[k], i + k);
  }

  Map map;
  Write write;

 private:
  double value(T x, std::int64_t i) const { return map.wide(static_cast<double>(map.narrow(x, i)), i); }

  Wide value8(Float8 x, std::int64_t i) const {
    Wide w = widen(map.narrow(Floats(x), i).v);
    w.low = map.wide(w.low, i);
    w.high = map.wide(w.high, i);
    return w;
  }

  // Eight columns, their sums in registers.
  static void add_columns8(Carried* states, const float* x, std::int64_t rows, std::int64_t stride) {
    Wide sum;
    std::memcpy(&sum, states, sizeof sum);
    for (std::int64_t r = 0; r < rows; ++r) {
      const Wide w = widen(load(x + r * stride));
      sum.low += w.low;
      sum.high += w.high;
    }
    std::memcpy(static_cast<void*>(states), &sum, sizeof sum);
  }

  double dense(std::int64_t i, const float* x, std::int64_t n) const {
    Double4 sum[4] = {};
    std::int64_t k = 0;
    for (; k + 16 <= n; k += 16) {
      const Wide a = value8(load(x + k), i);
      const Wide b = value8(load(x + k + 8), i);
      sum[0] += a.low;
      sum[1] += a.high;
      sum[2] += b.low;
      sum[3] += b.high;
    }
    const Double4 s = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    double total = (s[0] + s[1]) + (s[2] + s[3]);
    // The remainder goes through the lanes too, so that an element's value does not depend on its position.
    for (; k < n; k += 8) {
      const int count = static_cast<int>(std::min<std::int64_t>(8, n - k));
      const Wide w = value8(load(x + k, count), i);
      for (int l = 0; l < count; ++l) total += l < 4 ? w.low[l] : w.high[l - 4];
    }
    return total;
  }
};

// Sums integers; exact as long as the sum fits 63 bits.
template <class T>
struct IntegerSum final : Accumulator {
  IntegerSum(T* to, double factor) : Accumulator({.whole = 0}), y(to), scale(factor) {}

  void merge(Carried& into, Carried other) const override { into.whole += other.whole; }
  void finish(std::int64_t, std::int64_t offset, Carried total) const override {
    y[offset] = static_cast<T>(
        scale == 1 ? total.whole : static_cast<std::int64_t>(scale * static_cast<double>(total.whole)));
  }
  void run(std::int64_t, Carried& state, const void* from, std::int64_t stride,
           std::int64_t n) const override {
    const T* x = static_cast<const T*>(from);
    for (std::int64_t k = 0; k < n; ++k) state.whole += x[k * stride];
  }
  void columns(std::int64_t, Carried* states, const void* from, std::int64_t n, std::int64_t rows,
               std::int64_t stride) const override {
    const T* x = static_cast<const T*>(from);
    for (std::int64_t r = 0; r < rows; ++r, x += stride)
      for (std::int64_t c = 0; c < n; ++c) states[c].whole += x[c];
  }
  T* y;
  double scale;
};

template <class T, class Map, class Write>
void reduce_sum(const Layout& y, const ConstView& x, const Map& map, const Write& write) {
  reduce(y, x, Sum<T, Map, Write>(map, write));
}

template <class T>
void sum_of(const View& y, const ConstView& x, double scale) {
  T* to = y.as<T>();
  reduce_sum<T>(y, x, Plain(), [to, scale](std::int64_t, std::int64_t offset, double total) {
    to[offset] = static_cast<T>(total * scale);
  });
}

template <class T>
void variance_of(const View& var, const View& mean, const ConstView& x, double divisor) {
  const auto outputs = static_cast<double>(std::max<std::int64_t>(1, var.numel()));
  const double count = static_cast<double>(x.numel()) / outputs;
  const memory::Scratch scratch(kCpu, var.numel() * static_cast<std::int64_t>(sizeof(double)));
  double* means = scratch.as<double>();
  T* mean_to = mean.as<T>();
  reduce_sum<T>(mean, x, Plain(), [=](std::int64_t i, std::int64_t offset, double total) {
    means[i] = total / count;
    mean_to[offset] = static_cast<T>(means[i]);
  });
  T* var_to = var.as<T>();
  reduce_sum<T>(var, x, SquaredDeviations(means), [=](std::int64_t, std::int64_t offset, double total) {
    var_to[offset] = static_cast<T>(total / divisor);
  });
}

// The shift m of log-sum-exp, the largest element of each output:
//   ln sum e^x = m + ln sum e^(x - m)
// An infinite maximum becomes m = 0, because inf - inf is NaN.
template <class T>
struct FindShift final : Extreme<T, formula::Maximum> {
  explicit FindShift(double* to) : shift(to) {}
  void finish(std::int64_t i, std::int64_t, Carried largest) const override {
    shift[i] = std::isinf(largest.real) ? 0.0 : largest.real;
  }
  double* shift;
};

template <class T>
void logsumexp_of(const View& y, const ConstView& x) {
  const memory::Scratch scratch(kCpu, y.numel() * static_cast<std::int64_t>(sizeof(double)));
  double* shift = scratch.as<double>();
  reduce(y, x, FindShift<T>(shift));
  T* to = y.as<T>();
  reduce_sum<T>(y, x, ShiftedExp(shift), [to, shift](std::int64_t i, std::int64_t offset, double total) {
    to[offset] = static_cast<T>(shift[i] + std::log(total));
  });
}

}  // namespace

void sum(View y, ConstView x, double scale) {
  switch (x.dtype) {
    case DType::f32:
      return sum_of<float>(y, x, scale);
    case DType::f64:
      return sum_of<double>(y, x, scale);
    case DType::i64:
      return reduce(y, x, IntegerSum<std::int64_t>(y.as<std::int64_t>(), scale));
    default:
      break;
  }
  assert(x.dtype == DType::i32);
  reduce(y, x, IntegerSum<std::int32_t>(y.as<std::int32_t>(), scale));
}

void variance(View var, View mean, ConstView x, double divisor) {
  with_floating(x.dtype, [&](auto t) { variance_of<decltype(t)>(var, mean, x, divisor); });
}

void logsumexp(View y, ConstView x) {
  with_floating(x.dtype, [&](auto t) { logsumexp_of<decltype(t)>(y, x); });
}

void sum_squares(View y, ConstView x) {
  with_floating(x.dtype, [&](auto t) {
    double* to = y.as<double>();
    reduce_sum<decltype(t)>(y, x, Squares(),
                            [to](std::int64_t, std::int64_t, double total) { *to += total; });
  });
}

void count_nonfinite(View y, ConstView x) {
  with_floating(x.dtype, [&](auto t) {
    auto* to = y.as<std::int64_t>();
    reduce_sum<decltype(t)>(y, x, NonFinite(), [to](std::int64_t, std::int64_t, double total) {
      *to += static_cast<std::int64_t>(total);
    });
  });
}

}  // namespace thaw::cpu
