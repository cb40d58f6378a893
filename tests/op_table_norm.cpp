// Rows of core/ops/norm.cpp.
#include <cmath>

#include "tests/op_table.h"

namespace thaw::test {
namespace {

constexpr double kEps = 1e-5;

struct Moments {
  double mean = 0, var = 0;
};

Moments moments(const std::vector<double>& x) {
  Moments m;
  const double n = static_cast<double>(x.size());
  for (const double v : x) m.mean += v / n;
  for (const double v : x) m.var += (v - m.mean) * (v - m.mean) / n;
  return m;
}

// Normalises the elements that share set(index) together, then applies channel-wise (or element-wise) gamma
// and beta at affine(index).
Array normalized(const std::vector<Array>& in, std::int64_t sets,
                 const std::function<std::int64_t(const Index&)>& set,
                 const std::function<Index(const Index&)>& affine, bool centered = true) {
  const Array& x = in[0];
  std::vector<std::vector<double>> members(static_cast<std::size_t>(sets));
  for_each_index(x.shape,
                 [&](const Index& i) { members[static_cast<std::size_t>(set(i))].push_back(x.at(i)); });
  std::vector<Moments> of;
  for (const auto& values : members) {
    of.push_back(moments(values));
    if (!centered) of.back() = {0, of.back().var + of.back().mean * of.back().mean};
  }
  return build(x.shape, [&](const Index& i) {
    const Moments& m = of[static_cast<std::size_t>(set(i))];
    const double xhat = (x.at(i) - m.mean) / std::sqrt(m.var + kEps);
    const double gamma = in.size() > 1 ? in[1].at(affine(i)) : 1;
    return xhat * gamma + (in.size() > 2 ? in[2].at(affine(i)) : 0);
  });
}

Index channel(const Index& i) { return {i[1]}; }

Tensor at_or_none(const std::vector<Tensor>& in, std::size_t i) { return i < in.size() ? in[i] : Tensor(); }

void add_layer_norm(OpTable& table) {
  const auto over_last = [](const std::vector<Array>& in) {
    const Shape shape = in[0].shape;
    return normalized(
        in, shape.numel() / std::max<std::int64_t>(shape.back(), 1),
        [shape](const Index& i) {
          std::int64_t row = 0;
          for (int d = 0; d + 1 < shape.rank(); ++d) row = row * shape[d] + i[static_cast<std::size_t>(d)];
          return row;
        },
        [](const Index& i) { return Index{i.back()}; });
  };
  table.add({
      .name = "layer_norm",
      .fn = [](const auto& in) { return layer_norm(in[0], 1, at_or_none(in, 1), at_or_none(in, 2), kEps); },
      .reference = over_last,
      .samples = {{normal({3, 4}), normal({4}), normal({4})},
                  {normal({2, 2, 9}), normal({9}), normal({9})},
                  {normal({5}), normal({5}), normal({5})},
                  {normal({3, 5})},
                  {normal({2, 6}), normal({6})},
                  {normal({0, 4}), normal({4}), normal({4})}},
      .large =
          [] {
            return OpSample{normal({131, 259}), normal({259}), normal({259})};
          },
      .invalid = {{[] {
                     return layer_norm(zeros({2, 3}), 1, zeros({2}), {});
                   },
                   "gamma has shape [2]"},
                  {[] {
                     return layer_norm(zeros({2, 3}), 3, {}, {});
                   },
                   "cannot normalise 3 dimensions of [2, 3]"},
                  {[] {
                     return layer_norm(zeros({2, 3}), 1, {}, zeros({3}, {DType::f64}));
                   },
                   "dtypes differ"}},
      .fused = true,
      .batch_inputs = {0},
  });
  table.add({
      .name = "layer_norm",
      .variant = "two_dims",
      .fn = [](const auto& in) { return layer_norm(in[0], 2, in[1], in[2], kEps); },
      .reference =
          [](const auto& in) {
            return normalized(
                in, in[0].shape[0], [](const Index& i) { return i[0]; },
                [](const Index& i) {
                  return Index{i[1], i[2]};
                });
          },
      .samples = {{normal({2, 2, 3}), normal({2, 3}), normal({2, 3})},
                  {normal({0, 2, 2}), normal({2, 2}), normal({2, 2})}},
      .fused = true,
  });
}

void add_rms_norm(OpTable& table) {
  table.add({
      .name = "rms_norm",
      .fn = [](const auto& in) { return rms_norm(in[0], at_or_none(in, 1), kEps); },
      .reference =
          [](const auto& in) {
            return normalized(
                in, in[0].shape[0], [](const Index& i) { return i[0]; },
                [](const Index& i) { return Index{i.back()}; }, false);
          },
      .samples = {{normal({3, 4}), normal({4})},
                  {normal({2, 17}), normal({17})},
                  {normal({3, 5})},
                  {normal({0, 4}), normal({4})}},
      .large =
          [] {
            return OpSample{normal({131, 259}), normal({259})};
          },
      .invalid = {{[] {
                     return rms_norm(zeros({2, 3}), zeros({2}));
                   },
                   "gamma has shape [2]"},
                  {[] { return rms_norm(zeros({}), {}); }, "a scalar has no last dimension"}},
      .fused = true,
      .batch_inputs = {0},
  });
}

void add_group_norm(OpTable& table) {
  const auto reference = [](const std::vector<Array>& in) {
    const std::int64_t per_group = in[0].shape[1] / 2;
    return normalized(
        in, in[0].shape[0] * 2, [per_group](const Index& i) { return i[0] * 2 + i[1] / per_group; }, channel);
  };
  table.add({
      .name = "group_norm",
      .fn = [](const auto& in) { return group_norm(in[0], 2, at_or_none(in, 1), at_or_none(in, 2), kEps); },
      .reference = reference,
      .samples = {{normal({2, 4, 3}), normal({4}), normal({4})},
                  {normal({2, 2, 2, 3}), normal({2}), normal({2})},
                  {normal({2, 6}), normal({6}), normal({6})},
                  {normal({1, 2, 9})},
                  {normal({0, 2, 3}), normal({2}), normal({2})}},
      .large =
          [] {
            return OpSample{normal({70, 10, 7, 9}), normal({10}), normal({10})};
          },
      .invalid = {{[] {
                     return group_norm(zeros({2, 3}), 2, {}, {});
                   },
                   "do not divide into 2 groups"},
                  {[] { return group_norm(zeros({3}), 1, {}, {}); }, "the input is [N, C, ..], not [3]"},
                  {[] {
                     return group_norm(zeros({2, 4}), 2, zeros({2}), {});
                   },
                   "gamma has shape [2]"}},
      .fused = true,
      .batch_inputs = {0},
  });
}

Array batch_norm_reference(const std::vector<Array>& in) {
  return normalized(
      in, in[0].shape[1], [](const Index& i) { return i[1]; }, channel);
}

Array batch_statistics(const std::vector<Array>& in) {
  const Array& x = in[0];
  std::vector<std::vector<double>> members(static_cast<std::size_t>(x.shape[1]));
  for_each_index(x.shape,
                 [&](const Index& i) { members[static_cast<std::size_t>(i[1])].push_back(x.at(i)); });
  return build({2, x.shape[1]}, [&](const Index& i) {
    const Moments m = moments(members[static_cast<std::size_t>(i[1])]);
    return i[0] == 0 ? m.mean : m.var;
  });
}

void add_batch_norm_train(OpTable& table) {
  const std::string no_empty = "an empty batch has no statistics";
  const auto train = [](const std::vector<Tensor>& in) {
    return batch_norm_train(in[0], at_or_none(in, 1), at_or_none(in, 2), kEps);
  };
  const std::vector<OpSample> samples = {{normal({4, 3}), normal({3}), normal({3})},
                                         {normal({3, 9}), normal({9}), normal({9})},
                                         {normal({2, 2, 5}), normal({2}), normal({2})},
                                         {normal({2, 2, 3, 2})},
                                         {normal({1, 1, 9}), normal({1})}};
  table.add({
      .name = "batch_norm_train",
      .fn = [train](const auto& in) { return train(in).y; },
      .reference = batch_norm_reference,
      .samples = samples,
      .large =
          [] {
            return OpSample{normal({70, 11, 7, 9}), normal({11}), normal({11})};
          },
      .invalid = {{[] { return batch_norm_train(zeros({3}), {}, {}).y; }, "the input is [N, C, ..], not [3]"},
                  {[] {
                     return batch_norm_train(zeros({2, 3}), {}, zeros({2})).y;
                   },
                   "beta has shape [2]"},
                  {[] {
                     return batch_norm_train(zeros({0, 3}), {}, {}).y;
                   },
                   "an empty batch [0, 3]"}},
      .fused = true,
      .recorded_as = "batch_norm",
      .no_empty = no_empty,
  });
  table.add({
      .name = "batch_norm_train",
      .variant = "columns",
      .fn = [train](const auto& in) { return train(in).y; },
      .reference = batch_norm_reference,
      .samples = samples,
      .large =
          [] {
            return OpSample{normal({333, 131}), normal({131}), normal({131})};
          },
      .fused = true,
      .recorded_as = "batch_norm",
      .no_empty = no_empty,
  });
  table.add({
      .name = "batch_norm_train",
      .variant = "statistics",
      .fn =
          [train](const auto& in) {
            const BatchNormResult result = train({in[0]});
            return stack({result.mean, result.var}, 0);
          },
      .reference = batch_statistics,
      .samples = {{normal({4, 3})}, {normal({2, 2, 5})}},
      .large =
          [] {
            return OpSample{normal({70, 11, 7, 9})};
          },
      .differentiable = false,
      .no_empty = no_empty,
  });
}

// x, gamma, beta, mean, var; the statistics are given, not differentiated.
OpSample eval_sample(const Shape& shape) {
  const Shape channels = {shape[1]};
  OpSample sample = {normal(shape), normal(channels), normal(channels), normal(channels), positive(channels)};
  sample[3].differentiable = false;
  sample[4].differentiable = false;
  return sample;
}

void add_batch_norm_eval(OpTable& table) {
  const auto eval = [](const auto& in) { return batch_norm_eval(in[0], in[3], in[4], in[1], in[2], kEps); };
  const auto reference = [](const std::vector<Array>& in) {
    return build(in[0].shape, [&](const Index& i) {
      const Index c = channel(i);
      return (in[0].at(i) - in[3].at(c)) / std::sqrt(in[4].at(c) + kEps) * in[1].at(c) + in[2].at(c);
    });
  };
  table.add({
      .name = "batch_norm_eval",
      .fn = eval,
      .reference = reference,
      .samples = {eval_sample({2, 3, 2}), eval_sample({3, 4}), eval_sample({1, 1, 9}),
                  eval_sample({0, 2, 3})},
      .large =
          [] {
            return eval_sample({70, 11, 7, 9});
          },
      .invalid = {{[] {
                     return batch_norm_eval(zeros({2, 3}), zeros({2}), zeros({3}), {}, {});
                   },
                   "mean has shape [2]"},
                  {[] { return batch_norm_eval(zeros({3}), zeros({3}), zeros({3}), {}, {}); }, "not [3]"}},
      .fused = true,
      .recorded_as = "batch_norm",
      .batch_inputs = {0},
  });
  table.add({
      .name = "batch_norm_eval",
      .variant = "columns",
      .fn = eval,
      .reference = reference,
      .samples = {eval_sample({3, 9}), eval_sample({0, 2})},
      .large =
          [] {
            return eval_sample({333, 131});
          },
      .fused = true,
      .recorded_as = "batch_norm",
      .batch_inputs = {0},
  });
}

}  // namespace

void add_norm_ops(OpTable& table) {
  add_layer_norm(table);
  add_rms_norm(table);
  add_group_norm(table);
  add_batch_norm_train(table);
  add_batch_norm_eval(table);
}

}  // namespace thaw::test
