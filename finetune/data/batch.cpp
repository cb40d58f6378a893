#include "finetune/data/batch.h"

#include <algorithm>
#include <numeric>

#include "core/random.h"

namespace thaw {
namespace {

Shape batch_shape(const Dataset& data, std::int64_t size) {
  Shape shape{size};
  for (const std::int64_t s : data.sample_shape) shape.push_back(s);
  return shape;
}

ModelInput make_samples(const Dataset& data, const std::vector<std::int64_t>& rows) {
  Tensor x = empty(batch_shape(data, static_cast<std::int64_t>(rows.size())));
  float* to = x.data<float>();
  for (const std::int64_t row : rows) to = std::copy_n(data.sample(row), data.sample_size(), to);
  return x;
}

std::int64_t length_of(const Dataset& data, std::int64_t row) {
  return static_cast<std::int64_t>(data.tokens[static_cast<std::size_t>(row)].size());
}

// Of the padding it is 0, as in transformers.
Tensor make_types(const Dataset& data, const std::vector<std::int64_t>& rows, const Shape& shape) {
  Tensor types = zeros(shape, {DType::i64});
  std::int64_t* to = types.data<std::int64_t>();
  for (const std::int64_t row : rows) {
    const std::vector<std::int64_t>& of_text = data.types[static_cast<std::size_t>(row)];
    std::copy(of_text.begin(), of_text.end(), to);
    to += shape[1];
  }
  return types;
}

// Texts end with padding up to the longest of the batch.
ModelInput make_tokens(const Dataset& data, const std::vector<std::int64_t>& rows) {
  std::int64_t longest = 0, total = 0;
  for (const std::int64_t row : rows) {
    longest = std::max(longest, length_of(data, row));
    total += length_of(data, row);
  }
  const Shape shape{static_cast<std::int64_t>(rows.size()), longest};
  ModelInput input(full(shape, static_cast<double>(data.pad_id), {DType::i64}));
  std::int64_t* to = input.values.data<std::int64_t>();
  for (const std::int64_t row : rows) {
    const std::vector<std::int64_t>& tokens = data.tokens[static_cast<std::size_t>(row)];
    std::copy(tokens.begin(), tokens.end(), to);
    to += longest;
  }
  if (!data.types.empty()) input.types = make_types(data, rows, shape);
  if (total == shape.numel()) return input;
  Tensor mask = zeros(shape, {DType::boolean});
  bool* stands = mask.data<bool>();
  for (const std::int64_t row : rows) {
    std::fill_n(stands, length_of(data, row), true);
    stands += longest;
  }
  input.padding = padding_of(mask);
  return input;
}

// Tokens on the meta device: as many, and as long, as the mean of the full batches of this size in the order
// of the data.
ModelInput meta_tokens(const Dataset& data, std::int64_t size) {
  const std::int64_t batches = data.size() / size;
  std::int64_t tokens = 0, lengths = 0;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    std::int64_t longest = 0;
    for (std::int64_t row = batch * size; row < (batch + 1) * size; ++row) {
      longest = std::max(longest, length_of(data, row));
      tokens += length_of(data, row);
    }
    lengths += longest;
  }
  const auto mean = [batches](std::int64_t sum) { return (sum + batches / 2) / batches; };
  const Shape shape{size, mean(lengths)};
  const Options indices{DType::i64, kMeta};
  ModelInput input(empty(shape, indices));
  if (!data.types.empty()) input.types = empty(shape, indices);
  if (mean(tokens) < shape.numel())
    input.padding = {empty(shape, {DType::boolean, kMeta}), empty({mean(tokens)}, indices),
                     empty(shape, indices)};
  return input;
}

}  // namespace

Batch make_batch(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const CategoryScope category(memory::Category::input);
  const auto size = static_cast<std::int64_t>(rows.size());
  Batch batch{
      data.is_text() ? make_tokens(data, rows) : make_samples(data, rows), {}, empty({size}, {DType::i64})};
  std::int64_t* ids = batch.ids.data<std::int64_t>();
  for (std::size_t i = 0; i < rows.size(); ++i) ids[i] = data.id[static_cast<std::size_t>(rows[i])];
  if (!data.label.empty()) {
    batch.target = empty({size}, {DType::i64});
    std::int64_t* target = batch.target.data<std::int64_t>();
    for (std::size_t i = 0; i < rows.size(); ++i) target[i] = data.label[static_cast<std::size_t>(rows[i])];
  } else if (!data.target.empty()) {
    batch.target = empty({size});
    float* target = batch.target.data<float>();
    for (std::size_t i = 0; i < rows.size(); ++i)
      target[i] = static_cast<float>(data.target[static_cast<std::size_t>(rows[i])]);
  }
  return batch;
}

void for_each_batch(const Dataset& data, std::int64_t size, const UseBatch& use) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), 0);
  if (data.is_text())
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return length_of(data, a) < length_of(data, b); });
  for (std::int64_t begin = 0; begin < data.size(); begin += size) {
    const std::vector<std::int64_t> rows(order.begin() + begin,
                                         order.begin() + std::min(begin + size, data.size()));
    use(make_batch(data, rows).x, rows);
  }
}

Batch meta_batch(const Dataset& data, std::int64_t size) {
  const CategoryScope category(memory::Category::input);
  const DType target = data.label.empty() ? DType::f32 : DType::i64;
  Batch batch{{}, empty({size}, {target, kMeta}), empty({size}, {DType::i64, kMeta})};
  if (data.is_text()) {
    batch.x = meta_tokens(data, size);
  } else {
    batch.x = empty(batch_shape(data, size), {DType::f32, kMeta});
  }
  return batch;
}

BatchPlan::BatchPlan(std::int64_t samples, std::int64_t batch_size, std::int64_t accumulation, bool shuffle,
                     std::uint64_t seed)
    : samples_(samples),
      batch_size_(batch_size == 0 ? samples : std::min(batch_size, samples)),
      accumulation_(accumulation),
      shuffle_(shuffle),
      seed_(seed) {
  const std::int64_t batches = (samples_ + batch_size_ - 1) / batch_size_;
  updates_per_epoch_ = (batches + accumulation_ - 1) / accumulation_;
}

std::vector<std::vector<std::int64_t>> BatchPlan::update(std::int64_t completed) {
  const std::int64_t epoch = completed / updates_per_epoch_;
  if (epoch != order_epoch_) {
    order_epoch_ = epoch;
    order_.resize(static_cast<std::size_t>(samples_));
    std::iota(order_.begin(), order_.end(), 0);
    if (shuffle_) order_ = random_permutation(random_key(seed_, "order", epoch), samples_);
  }
  const std::int64_t begin = completed % updates_per_epoch_ * accumulation_ * batch_size_;
  const std::int64_t end = begin + samples(completed);
  std::vector<std::vector<std::int64_t>> micro_batches;
  for (std::int64_t i = begin; i < end; i += batch_size_)
    micro_batches.emplace_back(order_.begin() + i, order_.begin() + std::min(end, i + batch_size_));
  return micro_batches;
}

std::int64_t BatchPlan::samples(std::int64_t completed) const {
  const std::int64_t begin = completed % updates_per_epoch_ * accumulation_ * batch_size_;
  return std::min(samples_ - begin, accumulation_ * batch_size_);
}

}  // namespace thaw
