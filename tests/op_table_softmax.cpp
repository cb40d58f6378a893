// Rows of core/ops/softmax.cpp.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/op_table.h"

namespace thaw::test {
namespace {

using Line = std::vector<double>;

double log_sum_exp(const Line& line) {
  const double largest = *std::max_element(line.begin(), line.end());
  double total = 0;
  for (const double x : line) total += std::exp(x - largest);
  return largest + std::log(total);
}

Line softmax_line(Line line) {
  const double lse = log_sum_exp(line);
  for (double& x : line) x = std::exp(x - lse);
  return line;
}

Line log_softmax_line(Line line) {
  const double lse = log_sum_exp(line);
  for (double& x : line) x -= lse;
  return line;
}

using Op = Tensor (*)(const Tensor&, int);

OpRow row_of(const char* name, Op op, Line (*line)(Line), int dim, const char* variant) {
  const auto along = [line, dim](const Array& x) {
    return x.shape.rank() == 0 ? Array{{}, line(x.values)} : map_lines(x, dim, line);
  };
  return {
      .name = name,
      .variant = variant,
      .fn = [op, dim](const auto& in) { return op(in[0], dim); },
      .reference = [along](const auto& in) { return along(in[0]); },
      .invalid = {{[op] {
                     return op(zeros({2, 3}), 2);
                   },
                   "dimension 2 is out of range"},
                  {[op] { return op(zeros({2}, {DType::i64}), 0); }, "needs a floating tensor, not i64"}},
  };
}

void add_last_dim(OpTable& table, const char* name, Op op, Line (*line)(Line)) {
  OpRow row = row_of(name, op, line, -1, "");
  row.samples = {{normal({3, 4})},       {normal({})},     {normal({2, 2, 9})},
                 {normal({2, 3}, 30.0)}, {normal({2, 1})}, {normal({0, 3})}};
  row.large = [] { return OpSample{normal({65, 1003}, 4)}; };
  row.batch_inputs = {0};
  table.add(row);
}

void add_first_dim(OpTable& table, const char* name, Op op, Line (*line)(Line)) {
  OpRow row = row_of(name, op, line, 0, "dim0");
  row.samples = {{normal({4, 3})}, {normal({3, 2, 2})}, {normal({5})}, {normal({2, 0})}};
  row.large = [] { return OpSample{normal({131, 77})}; };
  table.add(row);
}

}  // namespace

void add_softmax_ops(OpTable& table) {
  add_last_dim(table, "softmax", softmax, softmax_line);
  add_first_dim(table, "softmax", softmax, softmax_line);
  add_last_dim(table, "log_softmax", log_softmax, log_softmax_line);
  add_first_dim(table, "log_softmax", log_softmax, log_softmax_line);
}

}  // namespace thaw::test
