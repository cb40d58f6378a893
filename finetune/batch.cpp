#include "finetune/batch.h"

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

}  // namespace

Batch make_batch(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const CategoryScope category(memory::Category::input);
  const auto size = static_cast<std::int64_t>(rows.size());
  Batch batch{empty(batch_shape(data, size)), {}, empty({size}, {DType::i64})};
  float* x = batch.x.data<float>();
  std::int64_t* ids = batch.ids.data<std::int64_t>();
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t row = rows[static_cast<std::size_t>(i)];
    std::copy_n(data.sample(row), data.sample_size(), x + i * data.sample_size());
    ids[i] = data.id[static_cast<std::size_t>(row)];
  }
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

void for_each_batch(const Dataset& data, std::int64_t size, const std::function<void(const Tensor& x)>& use) {
  std::vector<std::int64_t> rows;
  for (std::int64_t begin = 0; begin < data.size(); begin += size) {
    rows.resize(static_cast<std::size_t>(std::min(size, data.size() - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    use(make_batch(data, rows).x);
  }
}

Batch meta_batch(const Dataset& data, std::int64_t size) {
  const CategoryScope category(memory::Category::input);
  const DType target = data.label.empty() ? DType::f32 : DType::i64;
  return {empty(batch_shape(data, size), {DType::f32, kMeta}), empty({size}, {target, kMeta}),
          empty({size}, {DType::i64, kMeta})};
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
