// Rows of core/ops/index.cpp.
#include "tests/op_table.h"

namespace thaw::test {
namespace {

std::int64_t whole(double value) { return static_cast<std::int64_t>(value); }

Array embedding_reference(const std::vector<Array>& in) {
  Shape shape = in[1].shape;
  shape.push_back(in[0].shape[1]);
  return build(shape, [&](const Index& index) {
    return in[0].at({whole(in[1].at({index.begin(), index.end() - 1})), index.back()});
  });
}

// x at `index` with its entry of dimension 1 taken from the index array.
Array gather_reference(const std::vector<Array>& in) {
  return build(in[1].shape, [&](const Index& index) {
    Index from = index;
    from[1] = whole(in[1].at(index));
    return in[0].at(from);
  });
}

Array scatter_reference(const std::vector<Array>& in) {
  Array y = in[0];
  for_each_index(in[1].shape, [&](const Index& index) {
    Index to = index;
    to[1] = whole(in[1].at(index));
    y.at(to) += in[2].at(index);
  });
  return y;
}

Tensor ids(std::vector<double> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return from_vector(values, {n}, {DType::i64});
}

}  // namespace

void add_index_ops(OpTable& table) {
  table.add({
      .name = "embedding",
      .fn = [](const auto& in) { return embedding(in[0], in[1]); },
      .reference = embedding_reference,
      .samples = {{normal({5, 3}), indices({2, 4}, 5)},
                  {normal({5, 2}), indices({}, 5)},
                  {normal({1, 1}), indices({3}, 1)},
                  {normal({4, 3}), indices({0}, 4)}},
      .large =
          [] {
            return OpSample{normal({53, 130}), indices({211}, 53)};
          },
      .invalid = {{[] {
                     return embedding(zeros({5, 3}), ids({0, 7}));
                   },
                   "[embedding] index 7 is out of range for 5 entries"},
                  {[] {
                     return embedding(zeros({5, 3}), ids({-1}));
                   },
                   "index -1 is out of range"},
                  {[] {
                     return embedding(zeros({5, 3}), zeros({2}));
                   },
                   "the index must be i64, not f32"},
                  {[] { return embedding(zeros({5}), ids({0})); },
                   "the table must be [entries, width], not [5]"}},
      .batch_inputs = {1},
  });
  table.add({
      .name = "index_select",
      .fn = [](const auto& in) { return index_select(in[0], 1, in[1]); },
      .reference =
          [](const auto& in) {
            Shape shape = in[0].shape;
            shape[1] = in[1].shape[0];
            return build(shape, [&](const Index& index) {
              Index from = index;
              from[1] = whole(in[1].at({index[1]}));
              return in[0].at(from);
            });
          },
      .samples = {{normal({3, 4}), indices({6}, 4)},
                  {normal({2, 3, 2}), indices({2}, 3)},
                  {normal({2, 3}), indices({0}, 3)}},
      .large =
          [] {
            return OpSample{normal({61, 97, 5}), indices({131}, 97)};
          },
      .invalid = {{[] {
                     return index_select(zeros({5, 3}), 1, ids({3}));
                   },
                   "[index_select] index 3 is out of range for 3 entries"},
                  {[] {
                     return index_select(zeros({5, 3}), 0, zeros({2, 2}, {DType::i64}));
                   },
                   "an index [n]: x [5, 3], index [2, 2]"}},
      .batch_inputs = {0},
  });
  table.add({
      .name = "gather",
      .fn = [](const auto& in) { return gather(in[0], 1, in[1]); },
      .reference = gather_reference,
      .samples = {{normal({3, 4}), indices({3, 2}, 4)},
                  {normal({3, 4, 2}), indices({2, 5, 2}, 4)},
                  {normal({3, 4}), indices({0, 2}, 4)}},
      .large =
          [] {
            return OpSample{normal({61, 97}), indices({61, 301}, 97)};
          },
      .invalid = {{[] {
                     return gather(zeros({2, 3}), 1, zeros({3, 1}, {DType::i64}));
                   },
                   "[gather] the index [3, 1] must have the rank of x [2, 3]"},
                  {[] {
                     return gather(zeros({3}), 0, ids({1, 3}));
                   },
                   "[gather] index 3 is out of range for 3 entries"}},
      .batch_inputs = {0, 1},
  });
  table.add({
      .name = "scatter_add",
      .fn = [](const auto& in) { return scatter_add(in[0], 1, in[1], in[2]); },
      .reference = scatter_reference,
      .samples = {{normal({3, 4}), indices({3, 6}, 4), normal({3, 6})},
                  {normal({3, 2, 2}), indices({2, 3, 1}, 2), normal({2, 3, 1})},
                  {normal({3, 4}), indices({3, 0}, 4), normal({3, 0})}},
      .large =
          [] {
            return OpSample{normal({61, 97}), indices({61, 301}, 97), normal({61, 301})};
          },
      .invalid = {{[] {
                     return scatter_add(zeros({2, 3}), 1, zeros({2, 2}, {DType::i64}), zeros({2, 1}));
                   },
                   "[scatter_add] src [2, 1] and index [2, 2] must have one shape"},
                  {[] { return scatter_add(zeros({3}), 0, ids({5}), zeros({1})); },
                   "index 5 is out of range"}},
      .batch_inputs = {0, 1, 2},
  });
  table.add({
      .name = "one_hot",
      .fn = [](const auto& in) { return one_hot(in[0], 4); },
      .reference =
          [](const auto& in) {
            Shape shape = in[0].shape;
            shape.push_back(4);
            return build(shape, [&](const Index& index) {
              return whole(in[0].at({index.begin(), index.end() - 1})) == index.back() ? 1.0 : 0.0;
            });
          },
      .samples = {{indices({3}, 4)}, {indices({}, 4)}, {indices({2, 2}, 4)}, {indices({0}, 4)}},
      .large = [] { return OpSample{indices({5003}, 4)}; },
      .invalid = {{[] { return one_hot(ids({4}), 4); }, "[one_hot] index 4 is out of range for 4 entries"},
                  {[] { return one_hot(zeros({2}), 4); }, "the index must be i64"}},
      .differentiable = false,
      .batch_inputs = {0},
  });
}

}  // namespace thaw::test
