// Sizes and strides as small inline arrays: trivially copyable, so that a vjp may capture them by value.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <vector>

#include "kernels/view.h"

namespace thaw {

// At most kMaxRank (6) sizes; throws on more.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes);  // NOLINT(google-explicit-constructor)
  explicit Shape(const std::vector<std::int64_t>& sizes);

  int rank() const { return rank_; }
  std::int64_t operator[](int dim) const { return size_[static_cast<std::size_t>(dim)]; }
  std::int64_t& operator[](int dim) { return size_[static_cast<std::size_t>(dim)]; }
  const std::int64_t* begin() const { return size_.data(); }
  const std::int64_t* end() const { return size_.data() + rank_; }
  std::int64_t back() const { return size_[static_cast<std::size_t>(rank_ - 1)]; }
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (const std::int64_t size : *this) n *= size;
    return n;
  }

  void push_back(std::int64_t size);
  void insert(int dim, std::int64_t size);
  void erase(int dim);
  std::string str() const;  // "[2, 3]"

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int d = 0; d < a.rank_; ++d)
      if (a[d] != b[d]) return false;
    return true;
  }

 private:
  std::array<std::int64_t, kMaxRank> size_{};
  std::int8_t rank_ = 0;
};

using Strides = Shape;  // in elements

std::ostream& operator<<(std::ostream& out, const Shape& shape);

// Row-major strides.
Strides contiguous_strides(const Shape& shape);

// NumPy's rule. Throws "[op] shapes do not broadcast: a [2, 3] x b [4]".
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

// -1 counts from the end. Throws "[op] dimension 4 is out of range for [2, 3]".
int normalize_dim(const char* op, int dim, const Shape& shape);

// The product of the sizes, or -1 where it overflows 63 bits or a size is negative. For sizes that a file
// asks for, before anything is allocated.
std::int64_t checked_numel(const std::vector<std::int64_t>& sizes);

}  // namespace thaw
