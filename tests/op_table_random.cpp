// Rows of core/ops/random.cpp; tensors of random numbers are tested in unit_random.cpp.
#include "kernels/philox.h"
#include "tests/op_table.h"

namespace thaw::test {
namespace {

constexpr RandomKey kKey{7, 11};
constexpr double kP = 0.3;

// 24 random bits of number i of a row, one at a time.
double unit_number(std::uint64_t row, std::uint64_t i) {
  const philox::Words words =
      philox::philox4x32(philox::counter_of(row, i / 4), philox::fold_key(kKey.seed, kKey.stream));
  return static_cast<double>(words[i % 4] >> 8) * 0x1p-24;
}

// x [rows, ..], and optionally the rows' ids.
Array dropout_reference(const std::vector<Array>& in) {
  const Array& x = in[0];
  Array y = x;
  const std::int64_t rows = x.shape.rank() == 0 ? 1 : x.shape[0];
  const std::size_t width = rows == 0 ? 1 : x.values.size() / static_cast<std::size_t>(rows);
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const std::size_t row = i / width;
    const auto id = static_cast<std::uint64_t>(in.size() > 1 ? in[1].values[row] : static_cast<double>(row));
    y.values[i] *= unit_number(id, i % width) < kP ? 0 : 1 / (1 - kP);
  }
  return y;
}

}  // namespace

void add_random_ops(OpTable& table) {
  table.add({
      .name = "dropout",
      .fn = [](const auto& in) { return dropout(in[0], kP, kKey); },
      .reference = dropout_reference,
      .samples = {{normal({3, 5})}, {normal({})}, {normal({2, 3, 3})}, {normal({0, 4})}},
      .large =
          [] {
            return OpSample{normal({5, 13007})};
          },
      .invalid = {{[] { return dropout(zeros({2}), 1.5, kKey); }, "the probability is 1.5"},
                  {[] { return dropout(zeros({2}, {DType::i64}), 0.5, kKey); }, "needs a floating tensor"}},
  });
  table.add({
      .name = "dropout",
      .variant = "row_ids",
      .fn = [](const auto& in) { return dropout(in[0], kP, kKey, in[1]); },
      .reference = dropout_reference,
      .samples = {{normal({3, 5}), constant({{3}, {8, 2, 1e12}}, DType::i64)},
                  {normal({2}), constant({{2}, {1, 1}}, DType::i64)},
                  {normal({0, 2}), constant({{0}, {}}, DType::i64)}},
      .large =
          [] {
            return OpSample{normal({301, 131}), indices({301}, 100000)};
          },
      .invalid = {{[] {
                     return dropout(zeros({2, 3}), 0.5, kKey, zeros({3}, {DType::i64}));
                   },
                   "one for each row of [2, 3]"},
                  {[] {
                     return dropout(zeros({2, 3}), 0.5, kKey, zeros({2}));
                   },
                   "got f32 [2]"}},
      .batch_inputs = {0, 1},
  });
}

}  // namespace thaw::test
