#include "finetune/data/inputs.h"

#include <algorithm>
#include <numeric>

#include "core/ops.h"

namespace thaw {

BatchShape shape_of_batch(const Inputs& inputs, const std::vector<std::int64_t>& rows) {
  BatchShape shape;
  for (const std::int64_t row : rows) {
    ++shape.samples;
    shape.length = std::max(shape.length, inputs.length(row));
    shape.total += inputs.length(row);
  }
  return shape;
}

Padding padding_of_batch(const Inputs& inputs, const std::vector<std::int64_t>& rows) {
  const BatchShape shape = shape_of_batch(inputs, rows);
  if (shape.total == shape.samples * shape.length) return {};
  Tensor mask = zeros({shape.samples, shape.length}, {DType::boolean});
  bool* stands = mask.data<bool>();
  for (const std::int64_t row : rows) {
    std::fill_n(stands, inputs.length(row), true);
    stands += shape.length;
  }
  return padding_of(mask);
}

Padding meta_padding(const BatchShape& of_batch) {
  const Shape shape{of_batch.samples, of_batch.length};
  if (of_batch.total == shape.numel()) return {};
  const Options indices{DType::i64, kMeta};
  return {empty(shape, {DType::boolean, kMeta}), empty({of_batch.total}, indices), empty(shape, indices)};
}

std::int64_t total_length(const Inputs& inputs) {
  std::int64_t total = 0;
  for (std::int64_t row = 0; row < inputs.size(); ++row) total += inputs.length(row);
  return total;
}

BatchShape mean_batch(const Inputs& inputs, std::int64_t batch_size) {
  const std::int64_t batches = inputs.size() / batch_size;
  BatchShape sum;
  std::vector<std::int64_t> rows(static_cast<std::size_t>(batch_size));
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    std::iota(rows.begin(), rows.end(), batch * batch_size);
    const BatchShape shape = shape_of_batch(inputs, rows);
    sum.length += shape.length;
    sum.total += shape.total;
  }
  const auto mean = [batches](std::int64_t all) { return (all + batches / 2) / batches; };
  return {batch_size, mean(sum.length), mean(sum.total)};
}

}  // namespace thaw
