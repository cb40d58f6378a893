#include "finetune/data/batch.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "core/random.h"
#include "finetune/data/dictation.h"

namespace thaw {

namespace {

std::int64_t characters_of(const Dataset& data, const std::vector<std::int64_t>& rows) {
  std::int64_t characters = 0;
  for (const std::int64_t row : rows) characters += static_cast<std::int64_t>(data[row].characters.size());
  return characters;
}

// The characters of each transcript, one after another.
void add_transcripts(const Dataset& data, const std::vector<std::int64_t>& rows, Batch& batch) {
  const auto size = static_cast<std::int64_t>(rows.size());
  batch.target = empty({characters_of(data, rows)}, {DType::i64});
  batch.target_lengths = empty({size}, {DType::i64});
  batch.lengths = empty({size}, {DType::i64});
  std::int64_t* target = batch.target.data<std::int64_t>();
  std::int64_t* target_length = batch.target_lengths.data<std::int64_t>();
  std::int64_t* length = batch.lengths.data<std::int64_t>();
  for (const std::int64_t row : rows) {
    const std::vector<std::int64_t>& own = data[row].characters;
    target = std::copy(own.begin(), own.end(), target);
    *target_length++ = static_cast<std::int64_t>(own.size());
    *length++ = data.inputs->length(row);
  }
}

// Of a model that writes, `written` being the shape of what it is given.
Batch meta_dictation(const Dataset& data, const BatchShape& shape, const BatchShape& written) {
  const CategoryScope category(memory::Category::input);
  const Options indices{DType::i64, kMeta};
  Batch batch{data.inputs->meta_batch(shape), empty({written.total}, indices),
              empty({shape.samples}, indices)};
  batch.x.written = empty({written.samples, written.length}, indices);
  batch.x.written_padding = meta_padding(written);
  return batch;
}

// `characters`: of all transcripts.
Batch meta_batch_of(const Dataset& data, const BatchShape& shape, std::int64_t characters) {
  const CategoryScope category(memory::Category::input);
  const Options indices{DType::i64, kMeta};
  const DType target = data.targets == Targets::numbers ? DType::f32 : DType::i64;
  const bool spelt = data.targets == Targets::transcripts;
  Batch batch{data.inputs->meta_batch(shape), empty({spelt ? characters : shape.samples}, {target, kMeta}),
              empty({shape.samples}, indices)};
  if (spelt) {
    batch.target_lengths = empty({shape.samples}, indices);
    batch.lengths = empty({shape.samples}, indices);
  }
  return batch;
}

ModelInput with_written(const Dataset& data, const std::vector<std::int64_t>& rows, ModelInput input) {
  if (data.dictation != nullptr) add_written(data, rows, input);
  return input;
}

}  // namespace

Batch make_batch(const Dataset& data, const std::vector<std::int64_t>& rows) {
  Batch batch = without_input(data, rows);
  batch.x = input_of(data, rows);
  return batch;
}

ModelInput input_of(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const CategoryScope category(memory::Category::input);
  assert(data.inputs->size() == data.size());
  return with_written(data, rows, data.inputs->batch(rows));
}

ModelInput training_input_of(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const CategoryScope category(memory::Category::input);
  assert(data.inputs->size() == data.size());
  return with_written(data, rows, data.inputs->training_batch(rows));
}

Batch without_input(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const CategoryScope category(memory::Category::input);
  const auto size = static_cast<std::int64_t>(rows.size());
  Batch batch{{}, {}, empty({size}, {DType::i64})};
  std::int64_t* ids = batch.ids.data<std::int64_t>();
  for (const std::int64_t row : rows) *ids++ = data[row].id;
  if (data.targets == Targets::classes) {
    batch.target = empty({size}, {DType::i64});
    std::int64_t* target = batch.target.data<std::int64_t>();
    for (const std::int64_t row : rows) *target++ = data[row].label;
  } else if (data.targets == Targets::numbers) {
    batch.target = empty({size});
    float* target = batch.target.data<float>();
    for (const std::int64_t row : rows) *target++ = static_cast<float>(data[row].target);
  } else if (data.targets == Targets::transcripts && data.dictation != nullptr) {
    batch.target = next_tokens(data, rows);
  } else if (data.targets == Targets::transcripts) {
    add_transcripts(data, rows, batch);
  }
  return batch;
}

void for_each_batch(const Dataset& data, std::int64_t size, const UseRows& use) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::int64_t> lengths;
  lengths.reserve(order.size());
  for (const std::int64_t row : order) lengths.push_back(data.inputs->length(row));
  const auto is_shorter = [&](std::int64_t a, std::int64_t b) {
    return lengths[static_cast<std::size_t>(a)] < lengths[static_cast<std::size_t>(b)];
  };
  std::stable_sort(order.begin(), order.end(), is_shorter);
  for (std::int64_t begin = 0; begin < data.size(); begin += size) {
    use({order.begin() + begin, order.begin() + std::min(begin + size, data.size())});
  }
}

Batch meta_batch(const Dataset& data, const std::vector<std::int64_t>& rows) {
  const BatchShape shape = shape_of_batch(*data.inputs, rows);
  if (data.dictation != nullptr)
    return meta_dictation(data, shape, shape_of_lengths(written_lengths(data, rows)));
  return meta_batch_of(data, shape, characters_of(data, rows));
}

Batch meta_batch(const Dataset& data, std::int64_t size) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(data.size()));
  std::iota(all.begin(), all.end(), 0);
  const BatchShape shape = mean_batch(*data.inputs, size);
  if (data.dictation != nullptr)
    return meta_dictation(data, shape, mean_of_lengths(written_lengths(data, all), size));
  return meta_batch_of(data, shape, characters_of(data, all) * size / data.size());
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

std::int64_t BatchPlan::samples_before(std::int64_t completed) const {
  const std::int64_t in_epoch = completed % updates_per_epoch_ * samples(0);
  return completed / updates_per_epoch_ * samples_ + std::min(in_epoch, samples_);
}

}  // namespace thaw
