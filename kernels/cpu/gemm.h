// One matrix product: what gemm, linear and whoever needs a product inside a kernel hand to the packed-panel
// driver.
#pragma once

#include <cstdint>

namespace thaw::cpu {

// Element (i, j) is data[i * row + j * column].
template <class T>
struct Operand {
  const T* data;
  std::int64_t row;
  std::int64_t column;
};

// c [m, n] = a [m, k] @ b [k, n] + bias [m, n]; strides may be anything (a bias of one row has row stride 0).
template <class T>
struct Product {
  std::int64_t m, n, k;
  Operand<T> a;
  Operand<T> b;
  T* c;
  std::int64_t c_row;
  std::int64_t c_column = 1;
  Operand<T> bias{nullptr, 0, 0};  // null: none
};

// Every element is the sum over blocks of kDepthBlock of chains of multiply-adds, in order, plus its bias:
// its bits depend on its row of a and its column of b alone. Uses the threads where the product is worth it.
template <class T>
void multiply(const Product<T>& product);

// Work below this many FLOPs is over before a second thread has woken up.
inline constexpr double kParallelFlops = 4e5;

}  // namespace thaw::cpu
