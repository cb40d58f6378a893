// The matrix product: right on every shape and stride, and each element one documented chain of operations,
// so that its bits depend on its row and column alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/ops.h"
#include "kernels/kernels.h"

namespace thaw::test {
namespace {

constexpr std::int64_t kDepthBlock = 256;  // the grid over k that kernels/cpu/gemm_tile.h promises

template <class T>
constexpr DType kDType = sizeof(T) == 4 ? DType::f32 : DType::f64;

template <class T>
std::vector<T> random_values(std::int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<T> distribution(-1, 1);
  std::vector<T> values(static_cast<std::size_t>(n));
  for (T& v : values) v = distribution(generator);
  return values;
}

template <class T>
Layout layout(std::initializer_list<std::int64_t> sizes, std::initializer_list<std::int64_t> strides) {
  Layout l;
  l.dtype = kDType<T>;
  l.device = kCpu;
  for (const std::int64_t size : sizes) l.size[l.rank++] = size;
  int d = 0;
  for (const std::int64_t stride : strides) l.stride[d++] = stride;
  return l;
}

// Whether the micro-kernel was compiled to fused multiply-adds: only they see what rounding a product lost.
template <class T>
bool is_fused() {
  const T x = 1 + std::sqrt(std::numeric_limits<T>::epsilon()) / 3;
  const volatile T rounded = x * x;
  const T a[] = {1, x}, b[] = {-rounded, x};
  T y = 0;
  cpu::gemm({layout<T>({1, 1}, {1, 1}), &y}, {layout<T>({1, 2}, {2, 1}), a}, {layout<T>({2, 1}, {1, 1}), b});
  return y != 0;
}

template <class T>
T multiply_add(T a, T b, T sum) {
  static const bool fused = is_fused<T>();
  if (fused) return std::fma(a, b, sum);
  const volatile T product = a * b;
  return sum + product;
}

// A row or a column of a matrix that is stored in `values`.
template <class T>
struct Steps {
  const std::vector<T>& values;
  std::int64_t first, step;
  T operator[](std::int64_t k) const { return values.at(static_cast<std::size_t>(first + k * step)); }
};

// Element (i, j) by the definition of the kernel: blocks of chains, added in order.
template <class T>
T chain(const Steps<T>& a, const Steps<T>& b, std::int64_t depth) {
  T total = 0;
  for (std::int64_t k0 = 0; k0 < depth; k0 += kDepthBlock) {
    T sum = 0;
    for (std::int64_t k = k0; k < std::min(depth, k0 + kDepthBlock); ++k) sum = multiply_add(a[k], b[k], sum);
    total = k0 == 0 ? sum : total + sum;
  }
  return total;
}

// Which of the operands are stored transposed.
struct Storage {
  bool a, b;
};

template <class T>
void check_product(std::int64_t m, std::int64_t n, std::int64_t k, Storage transposed) {
  SCOPED_TRACE(::testing::Message() << m << " x " << n << " x " << k << (transposed.a ? ", a^T" : "")
                                    << (transposed.b ? ", b^T" : ""));
  const std::vector<T> a = random_values<T>(m * k, 1), b = random_values<T>(k * n, 2);
  std::vector<T> y(static_cast<std::size_t>(m * n), T(NAN));
  const std::int64_t a_row = transposed.a ? 1 : k, a_column = transposed.a ? m : 1;
  const std::int64_t b_row = transposed.b ? 1 : n, b_column = transposed.b ? k : 1;
  cpu::gemm({layout<T>({m, n}, {n, 1}), y.data()}, {layout<T>({m, k}, {a_row, a_column}), a.data()},
            {layout<T>({k, n}, {b_row, b_column}), b.data()});
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      EXPECT_EQ(y[static_cast<std::size_t>(i * n + j)],
                (chain<T>({a, i * a_row, a_column}, {b, j * b_column, b_row}, k)));
}

template <class T>
void check_all_shapes() {
  for (const Storage transposed : {Storage{false, false}, {true, false}, {false, true}, {true, true}}) {
    for (const std::int64_t m : {0, 1, 2, 5, 6, 7, 13, 70})
      for (const std::int64_t n : {0, 1, 7, 8, 9, 16, 33}) check_product<T>(m, n, 19, transposed);
    for (const std::int64_t k : {0, 1, 2, 255, 256, 257, 600}) check_product<T>(9, 17, k, transposed);
    check_product<T>(211, 45, 64, transposed);
    check_product<T>(3, 2100, 8, transposed);
  }
}

TEST(Gemm, EveryElementIsItsChainF32) { check_all_shapes<float>(); }
TEST(Gemm, EveryElementIsItsChainF64) { check_all_shapes<double>(); }

TEST(Gemm, BatchesBroadcastByStrideZero) {
  // y [2, 3, 4, 5] = a [2, 1, 4, 6] @ b [3, 6, 5]
  const auto a = random_values<float>(2 * 4 * 6, 1), b = random_values<float>(3 * 6 * 5, 2);
  std::vector<float> y(2 * 3 * 4 * 5);
  cpu::gemm({layout<float>({2, 3, 4, 5}, {60, 20, 5, 1}), y.data()},
            {layout<float>({2, 3, 4, 6}, {24, 0, 6, 1}), a.data()},
            {layout<float>({2, 3, 6, 5}, {0, 30, 5, 1}), b.data()});
  for (std::int64_t at = 0; at < 2 * 3 * 4 * 5; ++at) {
    const std::int64_t j = at % 5, i = at / 5 % 4, q = at / 20 % 3, p = at / 60;
    EXPECT_EQ(y[static_cast<std::size_t>(at)], (chain<float>({a, p * 24 + i * 6, 1}, {b, q * 30 + j, 5}, 6)));
  }
}

TEST(Gemm, OperandsMayRepeatAlongK) {
  const std::vector<float> a = {2, 3}, b = {1, 10, 100};
  std::vector<float> y(4);
  cpu::gemm({layout<float>({2, 2}, {2, 1}), y.data()}, {layout<float>({2, 3}, {1, 0}), a.data()},
            {layout<float>({3, 2}, {1, 0}), b.data()});
  EXPECT_EQ(y, (std::vector<float>{222, 222, 333, 333}));
}

std::vector<float> linear(const std::vector<float>& x, const std::vector<float>& w,
                          const std::vector<float>& bias, std::int64_t rows, std::int64_t out,
                          std::int64_t in) {
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  cpu::linear({layout<float>({rows, out}, {out, 1}), y.data()},
              {layout<float>({rows, in}, {in, 1}), x.data()}, {layout<float>({out, in}, {in, 1}), w.data()},
              {layout<float>({out}, {1}), bias.data()});
  return y;
}

TEST(Linear, ARowHasTheSameBitsInEveryBatch) {
  constexpr std::int64_t kOut = 53, kIn = 300;
  const auto x = random_values<float>(200 * kIn, 1), w = random_values<float>(kOut * kIn, 2);
  const auto bias = random_values<float>(kOut, 3);
  const std::vector<float> whole = linear(x, w, bias, 200, kOut, kIn);
  for (const std::int64_t rows : {1, 2, 7, 8, 64, 65}) {
    const std::vector<float> few(x.end() - rows * kIn, x.end());
    EXPECT_EQ(linear(few, w, bias, rows, kOut, kIn),
              std::vector<float>(whole.end() - rows * kOut, whole.end()));
  }
}

TEST(Linear, BitsDoNotDependOnThreads) {
  constexpr std::int64_t kRows = 130, kOut = 70, kIn = 260;
  const auto x = random_values<float>(kRows * kIn, 1), w = random_values<float>(kOut * kIn, 2);
  const auto bias = random_values<float>(kOut, 3);
  set_num_threads(1);
  const std::vector<float> one = linear(x, w, bias, kRows, kOut, kIn);
  for (const int threads : {2, 3, 8}) {
    set_num_threads(threads);
    EXPECT_EQ(linear(x, w, bias, kRows, kOut, kIn), one);
  }
  set_num_threads(0);
}

TEST(Linear, NoInputsLeaveTheBias) {
  EXPECT_EQ(linear({}, {}, {1, 2, 3}, 2, 3, 0), (std::vector<float>{1, 2, 3, 1, 2, 3}));
}

TEST(Linear, NanAndInfinityPropagate) {
  const std::vector<float> y = linear({NAN, 1, INFINITY, 0}, {1, 0}, {0}, 2, 1, 2);
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], INFINITY);
}

}  // namespace
}  // namespace thaw::test
