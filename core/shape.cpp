#include "core/shape.h"

#include <algorithm>
#include <ostream>

#include "core/error.h"

namespace thaw {

Shape::Shape(std::initializer_list<std::int64_t> sizes) {
  for (const std::int64_t size : sizes) push_back(size);
}

Shape::Shape(const std::vector<std::int64_t>& sizes) {
  for (const std::int64_t size : sizes) push_back(size);
}

void Shape::push_back(std::int64_t size) { insert(rank_, size); }

void Shape::insert(int dim, std::int64_t size) {
  if (rank_ == kMaxRank) fail("[shape] more than ", kMaxRank, " dimensions: ", str(), " and ", size);
  for (int d = rank_; d > dim; --d) (*this)[d] = (*this)[d - 1];
  (*this)[dim] = size;
  ++rank_;
}

void Shape::erase(int dim) {
  for (int d = dim; d + 1 < rank_; ++d) (*this)[d] = (*this)[d + 1];
  --rank_;
}

std::string Shape::str() const { return concat(*this); }

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int d = 0; d < shape.rank(); ++d) out << (d ? ", " : "") << shape[d];
  return out << ']';
}

Strides contiguous_strides(const Shape& shape) {
  Strides strides = shape;
  std::int64_t step = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    strides[d] = step;
    step *= shape[d];
  }
  return strides;
}

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  const int shift = longer.rank() - shorter.rank();
  for (int d = 0; d < shorter.rank(); ++d) {
    const std::int64_t size = shorter[d];
    std::int64_t& out = result[d + shift];
    if (out == size || size == 1) continue;
    if (out != 1) fail('[', op, "] shapes do not broadcast: a ", a, " x b ", b);
    out = size;
  }
  return result;
}

int normalize_dim(const char* op, int dim, const Shape& shape) {
  const int rank = std::max(shape.rank(), 1);  // a scalar counts as a vector of one element
  if (dim < -rank || dim >= rank) fail('[', op, "] dimension ", dim, " is out of range for ", shape);
  return dim < 0 ? dim + rank : dim;
}

std::int64_t checked_numel(const std::vector<std::int64_t>& sizes) {
  std::int64_t n = 1;
  bool overflow = false;
  for (const std::int64_t size : sizes) {
    if (size < 0) return -1;
    if (size == 0) return 0;
    overflow = overflow || __builtin_mul_overflow(n, size, &n);
  }
  return overflow ? -1 : n;
}

}  // namespace thaw
