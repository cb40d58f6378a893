// Rows of core/ops/elementwise.cpp and core/ops/unary.cpp.
#include <algorithm>
#include <cmath>

#include "tests/op_table.h"

namespace thaw::test {
namespace {

using Generator = Input (*)(const Shape&);

Input plain(const Shape& shape) { return normal(shape); }

// Multiples of 0.02 and what lies 0.01 beside: kinks are where the two would be equal.
Input even_grid(const Shape& shape) {
  Input x = normal(shape);
  x.value = map(x.value, [](double v) { return 0.02 * std::round(50 * v); });
  return x;
}
Input odd_grid(const Shape& shape) {
  Input x = even_grid(shape);
  x.value = map(x.value, [](double v) { return v + 0.01; });
  return x;
}

std::vector<OpSample> unary_samples(Generator input) {
  return {{input({3, 4})}, {input({})}, {input({1})}, {input({2, 1, 5})}, {input({0, 3})}};
}

OpRow unary_row(const std::string& name, Tensor (*op)(const Tensor&), double (*formula)(double),
                Generator input) {
  return {
      .name = name,
      .fn = [op](const auto& in) { return op(in[0]); },
      .reference = [formula](const auto& in) { return map(in[0], formula); },
      .samples = unary_samples(input),
      .large =
          [input] {
            return OpSample{input({37, 1031})};
          },
      .invalid = {{[op] { return op(zeros({2}, {DType::i64})); }, "needs a floating tensor, not i64"},
                  {[op] { return op(zeros({2}, {DType::bf16})); }, "cast to f32 first"}},
      .batch_inputs = {0},
  };
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

void add_unary(OpTable& table) {
  table.add(unary_row(
      "neg", neg, [](double x) { return -x; }, plain));
  table.add(unary_row(
      "abs", abs, [](double x) { return std::fabs(x); }, away_from_zero));
  table.add(unary_row(
      "exp", exp, [](double x) { return std::exp(x); }, plain));
  table.add(unary_row(
      "log", log, [](double x) { return std::log(x); }, positive));
  table.add(unary_row(
      "sqrt", sqrt, [](double x) { return std::sqrt(x); }, positive));
  table.add(unary_row(
      "rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, positive));
  table.add(unary_row(
      "square", square, [](double x) { return x * x; }, plain));
  table.add(unary_row(
      "reciprocal", reciprocal, [](double x) { return 1 / x; }, away_from_zero));
  table.add(unary_row("sigmoid", sigmoid, logistic, plain));
  table.add(unary_row(
      "tanh", tanh, [](double x) { return std::tanh(x); }, plain));
  table.add(unary_row(
      "relu", relu, [](double x) { return std::max(x, 0.0); }, away_from_zero));
  table.add(unary_row(
      "softplus", softplus, [](double x) { return std::log1p(std::exp(x)); }, plain));

  OpRow row = unary_row(
      "gelu", gelu, [](double x) { return x * normal_cdf(x); }, plain);
  row.fused = true;
  table.add(row);
  row = unary_row(
      "gelu_tanh", gelu_tanh,
      [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); },
      plain);
  row.fused = true;
  table.add(row);
  row = unary_row(
      "silu", silu, [](double x) { return x * logistic(x); }, plain);
  row.fused = true;
  table.add(row);
}

std::vector<OpSample> binary_samples(Generator a, Generator b) {
  return {{a({3, 4}), b({3, 4})},
          {a({3, 4}), b({4})},
          {a({2, 1, 3}), b({4, 1})},
          {a({}), b({2, 3})},
          {a({2, 3, 2, 2}), b({3, 1, 1})},
          {a({1}), b({1})},
          {a({}), b({})},
          {a({0, 3}), b({3})}};
}

using Op = Tensor (*)(const Tensor&, const Tensor&);
using Formula = double (*)(double, double);

// Broadcasts the second input of the large sample over rows.
OpRow binary_row(const std::string& name, Op op, Formula formula, Generator a, Generator b) {
  return {
      .name = name,
      .fn = [op](const auto& in) { return op(in[0], in[1]); },
      .reference = [formula](const auto& in) { return zip(in[0], in[1], formula); },
      .samples = binary_samples(a, b),
      .large =
          [a, b] {
            return OpSample{a({61, 1031}), b({1031})};
          },
      .invalid = {{[op] {
                     return op(zeros({2, 3}), zeros({4}));
                   },
                   "[" + name + "] shapes do not broadcast: a [2, 3] x b [4]"},
                  {[op] { return op(zeros({2}), zeros({2}, {DType::f64})); }, "dtypes differ: f32 and f64"}},
      .batch_inputs = {0},
  };
}

void add_binary(OpTable& table) {
  table.add(binary_row(
      "add", add, [](double a, double b) { return a + b; }, plain, plain));
  table.add(binary_row(
      "sub", sub, [](double a, double b) { return a - b; }, plain, plain));
  table.add(binary_row(
      "mul", mul, [](double a, double b) { return a * b; }, plain, plain));
  table.add(binary_row(
      "div", div, [](double a, double b) { return a / b; }, plain, away_from_zero));
  table.add(binary_row(
      "maximum", maximum, [](double a, double b) { return std::max(a, b); }, even_grid, odd_grid));
  table.add(binary_row(
      "minimum", minimum, [](double a, double b) { return std::min(a, b); }, even_grid, odd_grid));
  OpRow powers = binary_row(
      "pow", pow, [](double a, double b) { return std::pow(a, b); }, positive, plain);
  powers.overload = "const Tensor&, const Tensor&";
  table.add(powers);

  OpRow channels = binary_row(
      "add", add, [](double a, double b) { return a + b; }, plain, plain);
  channels.variant = "channels";
  channels.large = [] { return OpSample{normal({5, 7, 11, 97}), normal({7, 1, 1})}; };
  table.add(channels);
}

void add_comparisons(OpTable& table) {
  // Small integers, so that many are equal.
  const Generator input = [](const Shape& shape) {
    Input x = normal(shape);
    x.value = map(x.value, [](double v) { return std::round(2 * v); });
    return x;
  };
  const auto row = [&](const std::string& name, Op op, Formula formula) {
    OpRow r = binary_row(name, op, formula, input, input);
    r.differentiable = false;
    table.add(r);
  };
  row("eq", eq, [](double a, double b) { return a == b ? 1.0 : 0.0; });
  row("ne", ne, [](double a, double b) { return a != b ? 1.0 : 0.0; });
  row("lt", lt, [](double a, double b) { return a < b ? 1.0 : 0.0; });
  row("le", le, [](double a, double b) { return a <= b ? 1.0 : 0.0; });
  row("gt", gt, [](double a, double b) { return a > b ? 1.0 : 0.0; });
  row("ge", ge, [](double a, double b) { return a >= b ? 1.0 : 0.0; });
}

void add_power(OpTable& table, const std::string& variant, double exponent) {
  table.add({
      .name = "pow",
      .overload = "const Tensor&, double",
      .variant = variant,
      .fn = [exponent](const auto& in) { return pow(in[0], exponent); },
      .reference =
          [exponent](const auto& in) {
            return map(in[0], [exponent](double x) { return std::pow(x, exponent); });
          },
      .samples = unary_samples(positive),
      .large =
          [] {
            return OpSample{positive({37, 1031})};
          },
      .invalid = {{[exponent] { return pow(zeros({2}, {DType::i64}), exponent); },
                   "[pow] needs a floating tensor"}},
      .batch_inputs = {0},
  });
}

void add_with_numbers(OpTable& table) {
  add_power(table, "cube", 3);
  add_power(table, "square", 2);
  add_power(table, "inverse", -1);
  add_power(table, "zero", 0);
  add_power(table, "fraction", 1.7);
  table.add({
      .name = "affine",
      .fn = [](const auto& in) { return affine(in[0], 2.5, -0.75); },
      .reference = [](const auto& in) { return map(in[0], [](double x) { return 2.5 * x - 0.75; }); },
      .samples = unary_samples(plain),
      .large =
          [] {
            return OpSample{normal({67, 1031})};
          },
      .invalid = {{[] { return affine(zeros({2}, {DType::boolean}), 2, 0); }, "no arithmetic on bool"},
                  {[] { return affine(zeros({2}, {DType::bf16}), 2, 0); }, "no arithmetic on bf16"}},
      .batch_inputs = {0},
  });
  table.add({
      .name = "leaky_relu",
      .fn = [](const auto& in) { return leaky_relu(in[0], 0.3); },
      .reference = [](const auto& in) { return map(in[0], [](double x) { return x < 0 ? 0.3 * x : x; }); },
      .samples = unary_samples(away_from_zero),
      .large =
          [] {
            return OpSample{normal({67, 1031})};
          },
      .invalid = {{[] { return leaky_relu(zeros({2}, {DType::i64})); }, "needs a floating tensor"},
                  {[] { return leaky_relu(zeros({2}, {DType::boolean})); }, "needs a floating tensor"}},
      .batch_inputs = {0},
  });
  table.add({
      .name = "clamp",
      .fn = [](const auto& in) { return clamp(in[0], -0.5, 0.5); },
      .reference =
          [](const auto& in) { return map(in[0], [](double x) { return std::clamp(x, -0.5, 0.5); }); },
      .samples = unary_samples(odd_grid),
      .large =
          [] {
            return OpSample{odd_grid({67, 1031})};
          },
      .invalid = {{[] { return clamp(zeros({2}), 1, 0); }, "the lower bound 1 is above the upper one, 0"},
                  {[] { return clamp(zeros({2}, {DType::i64}), 0, 1); }, "needs a floating tensor"}},
      .batch_inputs = {0},
  });
  table.add({
      .name = "where",
      .fn = [](const auto& in) { return where(in[0], in[1], in[2]); },
      .reference =
          [](const auto& in) {
            const Array masked = zip(in[0], in[1], [](double c, double a) { return c != 0 ? a : NAN; });
            return zip(masked, in[2], [](double m, double b) { return std::isnan(m) ? b : m; });
          },
      .samples = {{booleans({3, 4}), normal({3, 4}), normal({3, 4})},
                  {booleans({4}), normal({3, 1}), normal({})},
                  {booleans({}), normal({}), normal({})},
                  {booleans({0, 3}), normal({3}), normal({1})}},
      .large =
          [] {
            return OpSample{booleans({61, 1031}), normal({61, 1031}), normal({1031})};
          },
      .invalid = {{[] { return where(zeros({2}), zeros({2}), zeros({2})); },
                   "the condition must be bool, not f32"},
                  {[] { return where(zeros({2}, {DType::boolean}), zeros({3}), zeros({3})); },
                   "shapes do not broadcast"}},
      .batch_inputs = {0, 1},
  });
}

}  // namespace

void add_elementwise_ops(OpTable& table) {
  add_unary(table);
  add_binary(table);
  add_comparisons(table);
  add_with_numbers(table);
}

}  // namespace thaw::test
