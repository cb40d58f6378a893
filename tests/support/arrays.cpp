#include "tests/support/arrays.h"

#include <algorithm>
#include <cassert>

namespace thaw::test {

std::size_t Array::position(const Index& index) const {
  assert(static_cast<int>(index.size()) == shape.rank());
  std::int64_t position = 0;
  for (int d = 0; d < shape.rank(); ++d) {
    const std::int64_t i = index[static_cast<std::size_t>(d)];
    assert(i >= 0 && i < shape[d]);
    position = position * shape[d] + i;
  }
  return static_cast<std::size_t>(position);
}

Array filled(const Shape& shape, double value) {
  return {shape, std::vector<double>(static_cast<std::size_t>(shape.numel()), value)};
}

void for_each_index(const Shape& shape, const std::function<void(const Index&)>& visit) {
  Index index(static_cast<std::size_t>(shape.rank()), 0);
  for (std::int64_t n = shape.numel(); n > 0; --n) {
    visit(index);
    for (int d = shape.rank() - 1; d >= 0; --d) {
      std::int64_t& i = index[static_cast<std::size_t>(d)];
      if (++i < shape[d]) break;
      i = 0;
    }
  }
}

Array build(const Shape& shape, const std::function<double(const Index&)>& make) {
  Array y{shape, {}};
  y.values.reserve(static_cast<std::size_t>(shape.numel()));
  for_each_index(shape, [&](const Index& index) { y.values.push_back(make(index)); });
  return y;
}

Array map(const Array& x, const std::function<double(double)>& f) {
  Array y = x;
  for (double& value : y.values) value = f(value);
  return y;
}

Array broadcast_to(const Array& x, const Shape& shape) {
  const std::size_t shift = static_cast<std::size_t>(shape.rank() - x.shape.rank());
  return build(shape, [&](const Index& index) {
    Index source(index.begin() + static_cast<std::ptrdiff_t>(shift), index.end());
    for (std::size_t d = 0; d < source.size(); ++d)
      if (x.shape[static_cast<int>(d)] == 1) source[d] = 0;
    return x.at(source);
  });
}

Array zip(const Array& a, const Array& b, const std::function<double(double, double)>& f) {
  const Shape shape = broadcast_shapes("zip", a.shape, b.shape);
  Array y = broadcast_to(a, shape);
  const Array right = broadcast_to(b, shape);
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] = f(y.values[i], right.values[i]);
  return y;
}

Array reduce(const Array& x, const std::vector<int>& dims, bool keepdim,
             const std::function<double(const std::vector<double>&)>& f) {
  std::vector<bool> reduced(static_cast<std::size_t>(x.shape.rank()), dims.empty());
  for (const int dim : dims)
    if (x.shape.rank() > 0) reduced[static_cast<std::size_t>(normalize_dim("reduce", dim, x.shape))] = true;

  Shape kept = x.shape;
  Shape squeezed;
  for (int d = 0; d < x.shape.rank(); ++d) {
    if (reduced[static_cast<std::size_t>(d)])
      kept[d] = 1;
    else
      squeezed.push_back(x.shape[d]);
  }
  const Array numbers = build(kept, [n = 0.0](const Index&) mutable { return n++; });
  std::vector<std::vector<double>> groups(static_cast<std::size_t>(kept.numel()));
  for_each_index(x.shape, [&](const Index& index) {
    Index group = index;
    for (std::size_t d = 0; d < group.size(); ++d)
      if (reduced[d]) group[d] = 0;
    groups[static_cast<std::size_t>(numbers.at(group))].push_back(x.at(index));
  });

  Array y{keepdim ? kept : squeezed, {}};
  for (const std::vector<double>& group : groups) y.values.push_back(f(group));
  return y;
}

Array map_lines(const Array& x, int dim,
                const std::function<std::vector<double>(const std::vector<double>&)>& f) {
  if (x.shape.rank() == 0) return {x.shape, f(x.values)};
  const std::size_t d = static_cast<std::size_t>(normalize_dim("map_lines", dim, x.shape));
  Array y = x;
  Shape starts = x.shape;
  starts[static_cast<int>(d)] = std::min<std::int64_t>(1, x.shape[static_cast<int>(d)]);
  for_each_index(starts, [&](const Index& start) {
    Index index = start;
    std::vector<double> line;
    for (index[d] = 0; index[d] < x.shape[static_cast<int>(d)]; ++index[d]) line.push_back(x.at(index));
    const std::vector<double> result = f(line);
    for (index[d] = 0; index[d] < x.shape[static_cast<int>(d)]; ++index[d])
      y.at(index) = result[static_cast<std::size_t>(index[d])];
  });
  return y;
}

}  // namespace thaw::test
