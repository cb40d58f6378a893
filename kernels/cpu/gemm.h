// One matrix product, as the packed-panel driver takes it: from gemm, linear and any kernel that needs a
// product.
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

// The product
//   c [m, n] = a [m, k] @ b [k, n] + bias [m, n]
// Strides may be anything; a bias of one row has row stride 0.
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

// Computes the product, on several threads where it is large enough. Each element is the sum, in order, over
// blocks of kDepthBlock terms, each a chain of multiply-adds, plus its bias. So its bits depend only on its
// row of a, its column of b and its bias.
template <class T>
void multiply(const Product<T>& product);

// Work of fewer FLOPs is done before a second thread has woken up.
inline constexpr double kParallelFlops = 4e5;

}  // namespace thaw::cpu
