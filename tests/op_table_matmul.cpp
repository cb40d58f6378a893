// Rows of core/ops/matmul.cpp, and the example of how rows are written.
#include "tests/op_table.h"

namespace thaw::test {
namespace {

// The matrix products of a [.., m, k] and b [.., k, n], by definition.
Array product(const std::vector<Array>& in) {
  const Array& a = in[0];
  const Array& b = in[1];
  Shape batch_a = a.shape;
  Shape batch_b = b.shape;
  for (int i = 0; i < 2; ++i) {
    batch_a.erase(batch_a.rank() - 1);
    batch_b.erase(batch_b.rank() - 1);
  }
  const std::int64_t m = a.shape[a.shape.rank() - 2], k = a.shape.back(), n = b.shape.back();
  Shape shape_a = broadcast_shapes("product", batch_a, batch_b);
  Shape shape_b = shape_a;
  Shape shape_y = shape_a;
  for (const std::int64_t size : {m, k}) shape_a.push_back(size);
  for (const std::int64_t size : {k, n}) shape_b.push_back(size);
  for (const std::int64_t size : {m, n}) shape_y.push_back(size);
  const Array whole_a = broadcast_to(a, shape_a);
  const Array whole_b = broadcast_to(b, shape_b);
  return build(shape_y, [&](const Index& index) {
    Index at_a = index;
    Index at_b = index;
    double total = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      at_a[at_a.size() - 1] = i;
      at_b[at_b.size() - 2] = i;
      total += whole_a.at(at_a) * whole_b.at(at_b);
    }
    return total;
  });
}

// x [.., in], w [out, in], bias [out] or absent.
Array linear_reference(const std::vector<Array>& in) {
  const Array& x = in[0];
  const Array& w = in[1];
  Shape shape = x.shape;
  shape[shape.rank() - 1] = w.shape[0];
  return build(shape, [&](const Index& index) {
    Index at_x = index;
    double total = in.size() > 2 ? in[2].at({index.back()}) : 0.0;
    for (std::int64_t i = 0; i < w.shape[1]; ++i) {
      at_x.back() = i;
      total += x.at(at_x) * w.at({index.back(), i});
    }
    return total;
  });
}

}  // namespace

void add_matmul_ops(OpTable& table) {
  table.add({
      .name = "matmul",
      .fn = [](const auto& in) { return matmul(in[0], in[1]); },
      .reference = product,
      .samples = {{normal({3, 4}), normal({4, 2})},
                  {normal({1, 1}), normal({1, 1})},
                  {normal({2, 2, 3}), normal({2, 3, 2})},
                  {normal({2, 1, 2, 3}), normal({3, 3, 2})},
                  {normal({2, 2, 3}), normal({3, 4})},
                  {normal({0, 3}), normal({3, 2})},
                  {normal({2, 0}), normal({0, 3})},
                  {normal({0, 2, 3}), normal({3, 2})}},
      .large =
          [] {
            return OpSample{normal({67, 130}), normal({130, 75})};
          },
      .invalid = {{[] {
                     return matmul(zeros({8, 16}), zeros({32, 4}));
                   },
                   "[matmul] inner dimensions differ: a [8, 16] x b [32, 4]"},
                  {[] { return matmul(zeros({}), zeros({4})); }, "scalars have no product"},
                  {[] {
                     return matmul(zeros({2, 2, 3}), zeros({3, 3, 2}));
                   },
                   "do not broadcast"},
                  {[] {
                     return matmul(zeros({2, 2}), zeros({2, 2}, {DType::f64}));
                   },
                   "dtypes differ: f32 and f64"}},
      .batch_inputs = {0},
  });

  table.add({
      .name = "matmul",
      .variant = "vectors",
      .fn = [](const auto& in) { return matmul(in[0], in[1]); },
      .reference =
          [](const auto& in) {
            double total = 0;
            for (std::size_t i = 0; i < in[0].values.size(); ++i) total += in[0].values[i] * in[1].values[i];
            return Array{{}, {total}};
          },
      .samples = {{normal({5}), normal({5})}, {normal({1}), normal({1})}, {normal({0}), normal({0})}},
      .large =
          [] {
            return OpSample{normal({1031}), normal({1031})};
          },
      .invalid = {{[] { return matmul(zeros({3}), zeros({4})); }, "inner dimensions differ"},
                  {[] {
                     return matmul(zeros({3}), zeros({4, 3}));
                   },
                   "inner dimensions differ"}},
      .f32 = {1e-5, 1e-4},
  });

  table.add({
      .name = "linear",
      .fn = [](const auto& in) { return linear(in[0], in[1], in[2]); },
      .reference = linear_reference,
      .samples = {{normal({3, 4}), normal({2, 4}), normal({2})},
                  {normal({4}), normal({3, 4}), normal({3})},
                  {normal({2, 2, 3}), normal({2, 3}), normal({2})},
                  {normal({0, 4}), normal({2, 4}), normal({2})},
                  {normal({2, 0}), normal({3, 0}), normal({3})}},
      .large =
          [] {
            return OpSample{normal({61, 130}), normal({75, 130}), normal({75})};
          },
      .invalid = {{[] {
                     return linear(zeros({2, 3}), zeros({4, 5}), zeros({4}));
                   },
                   "[linear] the last dimension of x is not the weight's input size: x [2, 3] x w [4, 5]"},
                  {[] {
                     return linear(zeros({2, 5}), zeros({4, 5}), zeros({5}));
                   },
                   "needs [4]"},
                  {[] {
                     return linear(zeros({2, 5}), zeros({4, 5}, {DType::f64}));
                   },
                   "dtypes differ"}},
      .batch_inputs = {0},
  });

  table.add({
      .name = "linear",
      .variant = "no_bias",
      .fn = [](const auto& in) { return linear(in[0], in[1]); },
      .reference = linear_reference,
      .samples = {{normal({3, 4}), normal({2, 4})},
                  {normal({4}), normal({3, 4})},
                  {normal({0, 2}), normal({3, 2})}},
      .large =
          [] {
            return OpSample{normal({3, 41, 64}), normal({33, 64})};
          },
      .invalid = {{[] {
                     return linear(zeros({}), zeros({4, 5}));
                   },
                   "x [] x w [4, 5]"},
                  {[] {
                     return linear(zeros({2, 5}), zeros({5}));
                   },
                   "x [2, 5] x w [5]"}},
      .batch_inputs = {0},
  });
}

}  // namespace thaw::test
