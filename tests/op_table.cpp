#include "tests/op_table.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "core/random.h"

namespace thaw::test {
namespace {

std::mt19937_64& stream() {
  static std::mt19937_64 generator(20240607);
  return generator;
}

double uniform_number(double low, double high) {
  const double unit = static_cast<double>(stream()() >> 11) * 0x1p-53;
  return low + (high - low) * unit;
}

// Box and Muller's; the standard's normal_distribution differs between libraries.
double normal_number() {
  const double radius = std::sqrt(-2 * std::log(uniform_number(1e-12, 1)));
  return radius * std::cos(uniform_number(0, 6.283185307179586));
}

double rounded(double value) { return static_cast<double>(static_cast<float>(value)); }

Array generate(const Shape& shape, const std::function<double()>& next) {
  return build(shape, [&](const Index&) { return rounded(next()); });
}

}  // namespace

Input normal(const Shape& shape, double scale) {
  return {generate(shape, [&] { return scale * normal_number(); })};
}

Input uniform(const Shape& shape, double low, double high) {
  return {generate(shape, [&] { return uniform_number(low, high); })};
}

Input positive(const Shape& shape) { return uniform(shape, 0.5, 2.5); }

Input away_from_zero(const Shape& shape) {
  return {generate(shape, [] {
    const double magnitude = uniform_number(0.25, 2);
    return uniform_number(-1, 1) < 0 ? -magnitude : magnitude;
  })};
}

Input distinct(const Shape& shape) {
  std::vector<double> numbers(static_cast<std::size_t>(shape.numel()));
  const double n = static_cast<double>(numbers.size());
  const double spacing = std::min(0.1, 10 / n);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = rounded(spacing * (static_cast<double>(i) - n / 2 + uniform_number(0, 0.4)));
  for (std::size_t i = numbers.size(); i > 1; --i) std::swap(numbers[i - 1], numbers[stream()() % i]);
  return {{shape, numbers}};
}

Input indices(const Shape& shape, std::int64_t n) {
  return constant(
      build(shape,
            [&](const Index&) { return static_cast<double>(stream()() % static_cast<std::uint64_t>(n)); }),
      DType::i64);
}

Input booleans(const Shape& shape) {
  return constant(build(shape, [](const Index&) { return static_cast<double>(stream()() & 1U); }),
                  DType::boolean);
}

Input constant(const Array& value, DType dtype) { return {value, dtype, false}; }

Input values(const Shape& shape, std::vector<double> numbers) { return {{shape, std::move(numbers)}}; }

std::vector<Tensor> make_tensors(const OpSample& sample, DType floating, Device device) {
  std::vector<Tensor> tensors;
  for (const Input& input : sample) {
    const Options options = {is_floating(input.dtype) ? floating : input.dtype, device};
    if (device == kMeta)
      tensors.push_back(empty(input.value.shape, options));
    else
      tensors.push_back(from_vector(input.value.values, input.value.shape, options));
  }
  return tensors;
}

std::vector<Array> make_arrays(const OpSample& sample, DType floating) {
  std::vector<Array> arrays;
  for (const Input& input : sample) {
    arrays.push_back(input.value);
    if (floating == DType::f32 && is_floating(input.dtype)) arrays.back() = map(input.value, rounded);
  }
  return arrays;
}

// The generators start anew after each row and for each large sample, so that a row's numbers depend neither
// on rows far from it nor on the tests that ran before.
void OpTable::add(OpRow row) {
  const std::uint64_t seed = hash_text(row.id());
  if (row.large)
    row.large = [seed, make = std::move(row.large)] {
      stream().seed(seed);
      return make();
    };
  stream().seed(seed);
  rows_.push_back(std::move(row));
}

const OpTable& op_table() {
  static const OpTable table = [] {
    OpTable t;
    add_elementwise_ops(t);
    add_reduce_ops(t);
    add_view_ops(t);
    add_index_ops(t);
    add_matmul_ops(t);
    add_conv_ops(t);
    add_softmax_ops(t);
    add_loss_ops(t);
    add_norm_ops(t);
    add_random_ops(t);
    return t;
  }();
  return table;
}

}  // namespace thaw::test
