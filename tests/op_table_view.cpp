// Rows of core/ops/view.cpp.
#include <algorithm>

#include "tests/op_table.h"

namespace thaw::test {
namespace {

// The same numbers in another shape.
Array reshaped(const Array& x, const Shape& shape) { return {shape, x.values}; }

// The dimensions in another order.
Array permuted(const Array& x, const std::vector<int>& dims) {
  Shape shape = x.shape;
  for (int d = 0; d < shape.rank(); ++d) shape[d] = x.shape[dims[static_cast<std::size_t>(d)]];
  return build(shape, [&](const Index& index) {
    Index from = index;
    for (std::size_t d = 0; d < index.size(); ++d) from[static_cast<std::size_t>(dims[d])] = index[d];
    return x.at(from);
  });
}

// Indices begin, begin + step, ... of one dimension.
Array sliced(const Array& x, int dim, std::int64_t begin, std::int64_t count, std::int64_t step) {
  Shape shape = x.shape;
  shape[dim] = count;
  return build(shape, [&](const Index& index) {
    Index from = index;
    from[static_cast<std::size_t>(dim)] = begin + step * index[static_cast<std::size_t>(dim)];
    return x.at(from);
  });
}

Array joined(const std::vector<Array>& xs, int dim) {
  Shape shape = xs[0].shape;
  shape[dim] = 0;
  for (const Array& x : xs) shape[dim] += x.shape[dim];
  return build(shape, [&](const Index& index) {
    Index from = index;
    std::int64_t& i = from[static_cast<std::size_t>(dim)];
    std::size_t which = 0;
    while (i >= xs[which].shape[dim]) i -= xs[which++].shape[dim];
    return xs[which].at(from);
  });
}

Array same(const std::vector<Array>& in) { return in[0]; }

void add_reshapes(OpTable& table) {
  table.add({
      .name = "reshape",
      .fn =
          [](const auto& in) {
            return reshape(in[0], {2, -1});
          },
      .reference =
          [](const auto& in) {
            return reshaped(in[0], {2, in[0].shape.numel() / 2});
          },
      .samples = {{normal({3, 4})}, {normal({6})}, {normal({2, 1, 1, 3})}, {normal({0, 4})}},
      .large =
          [] {
            return OpSample{normal({101, 202})};
          },
      .invalid = {{[] {
                     return reshape(zeros({2, 3}), {4, 2});
                   },
                   "[reshape] [2, 3] has 6 elements, which do not fill [4, 2]"},
                  {[] {
                     return reshape(zeros({2, 3}), {-1, 4});
                   },
                   "do not fill"},
                  {[] {
                     return reshape(zeros({2, 3}), {-1, -1});
                   },
                   "one size may be -1"}},
  });
  table.add({
      .name = "flatten",
      .fn = [](const auto& in) { return flatten(in[0], 1, -1); },
      .reference =
          [](const auto& in) {
            return reshaped(
                in[0], {in[0].shape[0], in[0].shape.numel() / std::max<std::int64_t>(1, in[0].shape[0])});
          },
      .samples = {{normal({3, 2, 2})}, {normal({2, 4})}, {normal({3, 0, 2})}},
      .invalid = {{[] {
                     return flatten(zeros({2, 3}), 1, 0);
                   },
                   "dimension 1 comes after 0"},
                  {[] {
                     return flatten(zeros({2, 3}), 0, 2);
                   },
                   "dimension 2 is out of range"}},
  });
  table.add({
      .name = "flatten",
      .variant = "all",
      .fn = [](const auto& in) { return flatten(in[0]); },
      .reference = [](const auto& in) { return reshaped(in[0], {in[0].shape.numel()}); },
      .samples = {{normal({3, 2, 2})}, {normal({})}, {normal({0, 2})}},
  });
  table.add({
      .name = "squeeze",
      .fn = [](const auto& in) { return squeeze(in[0], 1); },
      .reference =
          [](const auto& in) {
            Shape shape = in[0].shape;
            shape.erase(1);
            return reshaped(in[0], shape);
          },
      .samples = {{normal({3, 1, 2})}, {normal({1, 1})}, {normal({0, 1})}},
      .invalid = {{[] {
                     return squeeze(zeros({2, 3}), 1);
                   },
                   "dimension 1 of [2, 3] does not have size 1"},
                  {[] {
                     return squeeze(zeros({2, 1}), 2);
                   },
                   "out of range"}},
  });
  table.add({
      .name = "unsqueeze",
      .fn = [](const auto& in) { return unsqueeze(in[0], -1); },
      .reference =
          [](const auto& in) {
            Shape shape = in[0].shape;
            shape.push_back(1);
            return reshaped(in[0], shape);
          },
      .samples = {{normal({3, 2})}, {normal({})}, {normal({0})}},
      .invalid = {{[] {
                     return unsqueeze(zeros({2, 3}), 3);
                   },
                   "dimension 3 is out of range"},
                  {[] {
                     return unsqueeze(zeros({1, 1, 1, 1, 1, 1}), 0);
                   },
                   "more than 6 dimensions"}},
  });
}

void add_orders(OpTable& table) {
  table.add({
      .name = "permute",
      .fn =
          [](const auto& in) {
            return permute(in[0], {2, 0, -2});
          },
      .reference =
          [](const auto& in) {
            return permuted(in[0], {2, 0, 1});
          },
      .samples = {{normal({3, 2, 4})}, {normal({1, 1, 1})}, {normal({2, 0, 3})}},
      .large =
          [] {
            return OpSample{normal({37, 41, 29})};
          },
      .invalid = {{[] {
                     return permute(zeros({2, 3}), {0, 0});
                   },
                   "must be named once"},
                  {[] {
                     return permute(zeros({2, 3}), {0});
                   },
                   "1 were given"},
                  {[] {
                     return permute(zeros({2, 3}), {0, 2});
                   },
                   "out of range"}},
  });
  table.add({
      .name = "transpose",
      .fn = [](const auto& in) { return transpose(in[0], 0, -1); },
      .reference =
          [](const auto& in) {
            std::vector<int> dims;
            for (int d = 0; d < in[0].shape.rank(); ++d) dims.push_back(d);
            if (!dims.empty()) std::swap(dims.front(), dims.back());
            return permuted(in[0], dims);
          },
      .samples = {{normal({3, 2})}, {normal({3})}, {normal({})}, {normal({2, 3, 2})}, {normal({0, 3})}},
      .large =
          [] {
            return OpSample{normal({211, 301})};
          },
      .invalid = {{[] {
                     return transpose(zeros({2, 3}), 0, 2);
                   },
                   "[transpose] dimension 2 is out of range"},
                  {[] {
                     return transpose(zeros({2, 3}), -3, 0);
                   },
                   "[transpose] dimension -3 is out of range"}},
  });
  table.add({
      .name = "contiguous",
      .fn = [](const auto& in) { return contiguous(transpose(in[0], 0, 1)); },
      .reference =
          [](const auto& in) {
            return permuted(in[0], {1, 0});
          },
      .samples = {{normal({3, 2})}, {normal({1, 4})}, {normal({0, 3})}},
      .large =
          [] {
            return OpSample{normal({211, 301})};
          },
      .invalid = {{[] { return contiguous(Tensor()); }, "the tensor is undefined"},
                  {[] { return contiguous(zeros({2}).grad()); }, "the tensor is undefined"}},
  });
  table.add({
      .name = "cast",
      .fn = [](const auto& in) { return cast(in[0], DType::f64); },
      .reference = same,
      .samples = {{normal({3, 2})}, {normal({})}, {normal({0, 3})}},
      .large =
          [] {
            return OpSample{normal({67, 1031})};
          },
      .invalid = {{[] { return cast(Tensor(), DType::f32); }, "the tensor is undefined"},
                  {[] { return cast(zeros({2}).grad(), DType::f64); }, "the tensor is undefined"}},
      .batch_inputs = {0},
  });
}

void add_parts(OpTable& table) {
  table.add({
      .name = "slice",
      .fn = [](const auto& in) { return slice(in[0], -1, 1, -1); },
      .reference =
          [](const auto& in) {
            const int dim = in[0].shape.rank() - 1;
            return sliced(in[0], dim, 1, std::max<std::int64_t>(0, in[0].shape.back() - 2), 1);
          },
      .samples = {{normal({2, 4})}, {normal({5})}, {normal({3, 1})}, {normal({2, 0})}, {normal({0, 3})}},
      .large =
          [] {
            return OpSample{normal({67, 1031})};
          },
      .invalid = {{[] {
                     return slice(zeros({2, 3}), 2, 0, 1);
                   },
                   "[slice] dimension 2 is out of range"},
                  {[] {
                     return slice(zeros({2, 3}), 0, 0, 1, 0);
                   },
                   "the step must be positive, not 0"},
                  {[] { return slice(zeros({}), 0, 0, 1); }, "a scalar has no dimension"}},
  });
  table.add({
      .name = "slice",
      .variant = "steps",
      .fn = [](const auto& in) { return slice(in[0], 0, 1, 100, 3); },
      .reference = [](const auto& in) { return sliced(in[0], 0, 1, (in[0].shape[0] + 1) / 3, 3); },
      .samples = {{normal({5, 2})}, {normal({8})}, {normal({1, 3})}, {normal({4, 0})}},
  });
  table.add({
      .name = "select",
      .fn = [](const auto& in) { return select(in[0], 1, -1); },
      .reference =
          [](const auto& in) {
            const Array part = sliced(in[0], 1, in[0].shape[1] - 1, 1, 1);
            Shape shape = part.shape;
            shape.erase(1);
            return reshaped(part, shape);
          },
      .samples = {{normal({3, 4})}, {normal({2, 1, 3})}, {normal({0, 2})}},
      .invalid = {{[] {
                     return select(zeros({2, 3}), 1, 3);
                   },
                   "[select] index 3 is out of range for dimension 1 of [2, 3]"},
                  {[] { return select(zeros({}), 0, 0); }, "a scalar has no dimension"}},
      .recorded_as = "reshape",
  });
}

void add_joins(OpTable& table) {
  table.add({
      .name = "expand",
      .fn =
          [](const auto& in) {
            return expand(in[0], {2, 3, -1});
          },
      .reference =
          [](const auto& in) {
            return broadcast_to(in[0], {2, 3, in[0].shape.back()});
          },
      .samples = {{normal({3, 2})}, {normal({2, 1, 2})}, {normal({1})}, {normal({1, 0})}},
      .invalid = {{[] {
                     return expand(zeros({2, 3}), {4, 3});
                   },
                   "[expand] [2, 3] does not broadcast to [4, 3]"},
                  {[] {
                     return expand(zeros({2, 3}), {3});
                   },
                   "does not broadcast"},
                  {[] {
                     return expand(zeros({3}), {-1, 3});
                   },
                   "does not broadcast"}},
  });
  table.add({
      .name = "concatenate",
      .fn = [](const auto& in) { return concatenate(in, 1); },
      .reference = [](const auto& in) { return joined(in, 1); },
      .samples = {{normal({2, 3}), normal({2, 1}), normal({2, 2})},
                  {normal({2, 2, 2}), normal({2, 0, 2})},
                  {normal({0, 2}), normal({0, 1})}},
      .large =
          [] {
            return OpSample{normal({61, 701}), normal({61, 330})};
          },
      .invalid = {{[] { return concatenate({}, 0); }, "an empty list"},
                  {[] {
                     return concatenate({zeros({2, 3}), zeros({3, 3})}, 1);
                   },
                   "shapes differ besides dimension 1: [2, 3] and [3, 3]"},
                  {[] {
                     return concatenate({zeros({2}), zeros({2}, {DType::f64})}, 0);
                   },
                   "dtypes differ"}},
      .batch_inputs = {0, 1},
  });
  table.add({
      .name = "stack",
      .fn = [](const auto& in) { return stack(in, -1); },
      .reference =
          [](const auto& in) {
            std::vector<Array> lifted = in;
            for (Array& x : lifted) x.shape.push_back(1);
            return joined(lifted, in[0].shape.rank());
          },
      .samples = {{normal({2, 3}), normal({2, 3})},
                  {normal({}), normal({})},
                  {normal({0, 3}), normal({0, 3})}},
      .invalid = {{[] { return stack({}, 0); }, "an empty list"},
                  {[] {
                     return stack({zeros({2}), zeros({3})}, 0);
                   },
                   "shapes differ: [2] and [3]"}},
  });
  table.add({
      .name = "pad",
      .fn =
          [](const auto& in) {
            return pad(in[0], {1, 2, 0, 1}, -1.5);
          },
      .reference =
          [](const auto& in) {
            Shape shape = in[0].shape;
            const int r = shape.rank();
            shape[r - 1] += 3;
            shape[r - 2] += 1;
            Array y = filled(shape, -1.5);
            for_each_index(in[0].shape, [&](const Index& index) {
              Index to = index;
              to.back() += 1;
              y.at(to) = in[0].at(index);
            });
            return y;
          },
      .samples = {{normal({2, 3})}, {normal({2, 1, 2})}, {normal({0, 2})}, {normal({2, 0})}},
      .large =
          [] {
            return OpSample{normal({7, 61, 103})};
          },
      .invalid = {{[] {
                     return pad(zeros({2, 3}), {1});
                   },
                   "needs a (before, after) pair"},
                  {[] {
                     return pad(zeros({2}), {1, 1, 1, 1});
                   },
                   "at most 1 dimensions"},
                  {[] {
                     return pad(zeros({2}), {-1, 0});
                   },
                   "none negative"}},
      .batch_inputs = {0},
  });
}

}  // namespace

void add_view_ops(OpTable& table) {
  add_reshapes(table);
  add_orders(table);
  add_parts(table);
  add_joins(table);
}

}  // namespace thaw::test
