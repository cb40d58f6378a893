// Rows of core/ops/reduce.cpp.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/op_table.h"

namespace thaw::test {
namespace {

using Numbers = std::vector<double>;
using Summary = double (*)(const Numbers&);
using Dims = std::vector<int>;

double total(const Numbers& x) { return std::accumulate(x.begin(), x.end(), 0.0); }
double average(const Numbers& x) { return total(x) / static_cast<double>(x.size()); }
double squared_deviations(const Numbers& x) {
  const double m = average(x);
  return std::accumulate(x.begin(), x.end(), 0.0,
                         [m](double sum, double v) { return sum + (v - m) * (v - m); });
}
double sample_variance(const Numbers& x) {
  return squared_deviations(x) / (static_cast<double>(x.size()) - 1);
}
double log_sum_exp(const Numbers& x) {
  return std::log(
      std::accumulate(x.begin(), x.end(), 0.0, [](double sum, double v) { return sum + std::exp(v); }));
}
double largest(const Numbers& x) { return *std::max_element(x.begin(), x.end()); }
double smallest(const Numbers& x) { return *std::min_element(x.begin(), x.end()); }

// One op over several choices of dimensions; each is a row.
struct Reducing {
  std::string name;
  std::function<Tensor(const Tensor&, const Dims&, bool)> op;
  Summary summary;
  Input (*input)(const Shape&);
  std::string no_empty;  // of whole arrays
};

OpRow row_over(const Reducing& r, const std::string& variant, const Dims& dims, bool keepdim) {
  const auto op = r.op;
  const auto input = r.input;
  OpRow row{
      .name = r.name,
      .variant = variant,
      .fn = [op, dims, keepdim](const auto& in) { return op(in[0], dims, keepdim); },
      .reference = [summary = r.summary, dims,
                    keepdim](const auto& in) { return reduce(in[0], dims, keepdim, summary); },
      .samples = {{input({3, 2, 2})}, {input({2, 5, 3})}},
      .large =
          [input] {
            return OpSample{input({33, 41, 37})};
          },
      .invalid = {{[op] {
                     return op(zeros({2, 3}), {2}, false);
                   },
                   "[" + r.name + "] dimension 2 is out of range for [2, 3]"},
                  {[op] {
                     return op(zeros({2, 3}), {1, -1}, false);
                   },
                   "dimension -1 is named twice"},
                  {[op] {
                     return op(zeros({2, 3}, {DType::boolean}), {0}, false);
                   },
                   "bool"}},
      .f32 = {1e-5, 1e-4},
  };
  return row;
}

void add_over_dims(OpTable& table, const Reducing& r) {
  const auto input = r.input;
  OpRow all = row_over(r, "all", {}, false);
  all.no_empty = r.no_empty;
  if (r.no_empty.empty()) all.samples.push_back({input({0, 3})});
  table.add(all);

  // Batches of rows: each row's bits are its own.
  OpRow last = row_over(r, "last", {-1}, false);
  last.samples.push_back({input({7})});
  last.samples.push_back({input({0, 3})});
  last.batch_inputs = {0};
  last.large = [input] { return OpSample{input({41, 1337})}; };
  table.add(last);
  OpRow middle = row_over(r, "middle", {1}, false);
  middle.samples.push_back({input({0, 3})});
  middle.batch_inputs = {0};
  middle.large = [input] { return OpSample{input({5, 611, 13})}; };
  table.add(middle);
  OpRow long_rows = row_over(r, "long_rows", {1}, true);
  long_rows.samples.push_back({input({0, 3})});
  long_rows.batch_inputs = {0};
  long_rows.large = [input] { return OpSample{input({3, 40001})}; };
  table.add(long_rows);

  OpRow first = row_over(r, "first", {0}, true);
  first.samples.push_back({input({4, 0})});
  table.add(first);
  OpRow outer = row_over(r, "outer", {0, -1}, true);
  outer.samples.push_back({input({2, 0, 3})});
  outer.large = [input] { return OpSample{input({35, 19, 83})}; };
  table.add(outer);
}

Input plain(const Shape& shape) { return normal(shape); }

void add_last_maximum(OpTable& table) {
  table.add({
      .name = "max",
      .fn = [](const auto& in) { return max(in[0], -1); },
      .reference = [](const auto& in) { return reduce(in[0], {-1}, false, largest); },
      .samples = {{distinct({3, 4})}, {distinct({5})}, {distinct({2, 3, 2})}, {distinct({0, 3})}},
      .large =
          [] {
            return OpSample{distinct({37, 101})};
          },
      .invalid = {{[] {
                     return max(zeros({2, 0}), 1);
                   },
                   "over no elements"},
                  {[] {
                     return max(zeros({2, 3}), 2);
                   },
                   "dimension 2 is out of range"}},
      .batch_inputs = {0},
  });
  table.add({
      .name = "argmax",
      .fn = [](const auto& in) { return argmax(in[0], 0, true); },
      .reference =
          [](const auto& in) {
            return reduce(in[0], {0}, true, [](const Numbers& x) {
              return static_cast<double>(std::max_element(x.begin(), x.end()) - x.begin());
            });
          },
      .samples = {{distinct({3, 4})}, {distinct({5})}, {normal({1, 3, 2})}, {distinct({3, 0})}},
      .large =
          [] {
            return OpSample{normal({37, 1031})};
          },
      .invalid = {{[] {
                     return argmax(zeros({0, 2}), 0);
                   },
                   "over no elements has no value: [0, 2]"},
                  {[] { return argmax(zeros({2}, {DType::boolean}), 0); }, "does not order bool"}},
      .differentiable = false,
  });
}

Array sum_to_reference(const Array& x, const Shape& shape) {
  Array y = filled(shape, 0);
  for_each_index(x.shape, [&](const Index& index) {
    Index at(index.end() - shape.rank(), index.end());
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] == 1) at[static_cast<std::size_t>(d)] = 0;
    y.at(at) += x.at(index);
  });
  return y;
}

void add_sum_to(OpTable& table) {
  table.add({
      .name = "sum_to",
      .fn =
          [](const auto& in) {
            return sum_to(in[0], {4, 1});
          },
      .reference =
          [](const auto& in) {
            return sum_to_reference(in[0], {4, 1});
          },
      .samples = {{normal({4, 3})}, {normal({2, 4, 2})}, {normal({4, 1})}, {normal({0, 4, 2})}},
      .large =
          [] {
            return OpSample{normal({4, 10007})};
          },
      .invalid = {{[] {
                     return sum_to(zeros({2, 3}), {4});
                   },
                   "[sum_to]"},
                  {[] {
                     return sum_to(zeros({3}), {2, 3});
                   },
                   "[sum_to] [2, 3] does not broadcast to [3]"}},
      .f32 = {1e-5, 1e-4},
  });
  table.add({
      .name = "sum_to",
      .variant = "bias",
      .fn = [](const auto& in) { return sum_to(in[0], {in[0].size(-1)}); },
      .reference = [](const auto& in) { return sum_to_reference(in[0], {in[0].shape.back()}); },
      .samples = {{normal({4, 3})}, {normal({2, 4, 2})}, {normal({0, 2})}},
      .large =
          [] {
            return OpSample{normal({701, 133})};
          },
      .f32 = {1e-5, 1e-4},
  });
}

}  // namespace

void add_reduce_ops(OpTable& table) {
  add_over_dims(table, {"sum", sum, total, plain, ""});
  add_over_dims(table, {"mean", mean, average, plain, ""});
  add_over_dims(
      table, {"var", [](const Tensor& x, const Dims& dims, bool keepdim) { return var(x, dims, 1, keepdim); },
              sample_variance, plain, "there is no variance of nothing"});
  add_over_dims(table, {"logsumexp", logsumexp, log_sum_exp, plain, "its derivative is not defined there"});
  add_over_dims(table, {"amax", amax, largest, distinct, "nothing has no largest element"});
  add_over_dims(table, {"amin", amin, smallest, distinct, "nothing has no smallest element"});
  add_last_maximum(table);
  add_sum_to(table);
}

}  // namespace thaw::test
