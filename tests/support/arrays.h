// Plain f64 arrays: sample inputs are made as arrays, and naive references compute on them. Nothing here
// knows the engine beyond Shape, so that a reference shares no mistake with the op it judges.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/shape.h"

namespace thaw::test {

using Index = std::vector<std::int64_t>;

struct Array {  // row-major
  Shape shape;
  std::vector<double> values;

  double& at(const Index& index) { return values[position(index)]; }
  double at(const Index& index) const { return values[position(index)]; }

 private:
  std::size_t position(const Index& index) const;
};

Array filled(const Shape& shape, double value);

// Calls visit(index) for every index of the shape, in row-major order; once, with {}, for a 0-d shape.
void for_each_index(const Shape& shape, const std::function<void(const Index&)>& visit);

// An array whose element at each index is make(index).
Array build(const Shape& shape, const std::function<double(const Index&)>& make);

// f of every element; f of every pair of elements after NumPy's broadcasting.
Array map(const Array& x, const std::function<double(double)>& f);
Array zip(const Array& a, const Array& b, const std::function<double(double, double)>& f);

// x repeated to the shape by NumPy's rule.
Array broadcast_to(const Array& x, const Shape& shape);

// f of the elements along `dims` (row-major; negative ones count from the end; empty: all dimensions).
Array reduce(const Array& x, const std::vector<int>& dims, bool keepdim,
             const std::function<double(const std::vector<double>&)>& f);

// f of every line along `dim`; it returns as many values as it gets.
Array map_lines(const Array& x, int dim,
                const std::function<std::vector<double>(const std::vector<double>&)>& f);

}  // namespace thaw::test
