#include "finetune/data/inputs.h"

#include <algorithm>

#include "core/ops.h"

namespace thaw {

namespace {

std::vector<std::int64_t> lengths_of(const Inputs& inputs, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(rows.size());
  for (const std::int64_t row : rows) lengths.push_back(inputs.length(row));
  return lengths;
}

std::vector<std::int64_t> lengths_of(const Inputs& inputs) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(static_cast<std::size_t>(inputs.size()));
  for (std::int64_t row = 0; row < inputs.size(); ++row) lengths.push_back(inputs.length(row));
  return lengths;
}

}  // namespace

BatchShape shape_of_lengths(const std::vector<std::int64_t>& lengths) {
  BatchShape shape;
  for (const std::int64_t length : lengths) {
    ++shape.samples;
    shape.length = std::max(shape.length, length);
    shape.total += length;
  }
  shape.lengths = lengths;
  return shape;
}

BatchShape shape_of_batch(const Inputs& inputs, const std::vector<std::int64_t>& rows) {
  return shape_of_lengths(lengths_of(inputs, rows));
}

Padding padding_of_lengths(const std::vector<std::int64_t>& lengths) {
  const BatchShape shape = shape_of_lengths(lengths);
  if (shape.total == shape.samples * shape.length) return {};
  Tensor mask = zeros({shape.samples, shape.length}, {DType::boolean});
  bool* stands = mask.data<bool>();
  for (const std::int64_t length : lengths) {
    std::fill_n(stands, length, true);
    stands += shape.length;
  }
  return padding_of(mask);
}

Padding padding_of_batch(const Inputs& inputs, const std::vector<std::int64_t>& rows) {
  return padding_of_lengths(lengths_of(inputs, rows));
}

Padding meta_padding(const BatchShape& of_batch) {
  const Shape shape{of_batch.samples, of_batch.length};
  if (of_batch.total == shape.numel()) return {};
  const Options indices{DType::i64, kMeta};
  return {empty(shape, {DType::boolean, kMeta}), empty({of_batch.total}, indices), empty(shape, indices)};
}

std::int64_t total_length(const Inputs& inputs) { return shape_of_lengths(lengths_of(inputs)).total; }

BatchShape mean_of_lengths(const std::vector<std::int64_t>& lengths, std::int64_t batch_size) {
  const std::int64_t batches = static_cast<std::int64_t>(lengths.size()) / batch_size;
  BatchShape sum;
  for (auto begin = lengths.begin(); begin != lengths.begin() + batches * batch_size; begin += batch_size) {
    const BatchShape shape = shape_of_lengths({begin, begin + batch_size});
    sum.length += shape.length;
    sum.total += shape.total;
  }
  const auto mean = [batches](std::int64_t all) { return (all + batches / 2) / batches; };
  return {batch_size, mean(sum.length), mean(sum.total)};
}

BatchShape mean_batch(const Inputs& inputs, std::int64_t batch_size) {
  return mean_of_lengths(lengths_of(inputs), batch_size);
}

}  // namespace thaw
