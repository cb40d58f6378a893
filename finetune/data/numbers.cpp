#include "finetune/data/numbers.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <utility>

#include "nn/io/sha256.h"

namespace thaw {
namespace {

Shape batch_shape(const Numbers& numbers, std::int64_t size) {
  Shape shape{size};
  for (const std::int64_t s : numbers.shape) shape.push_back(s);
  return shape;
}

}  // namespace

Numbers::Numbers(std::vector<std::int64_t> sample_shape, std::vector<float> all_values)
    : shape(std::move(sample_shape)),
      sample_size(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>())),
      values(std::move(all_values)) {
  assert(sample_size > 0 && static_cast<std::int64_t>(values.size()) % sample_size == 0);
}

std::int64_t Numbers::size() const { return static_cast<std::int64_t>(values.size()) / sample_size; }

Tensor Numbers::rows(std::int64_t begin, std::int64_t end) const {
  return from_data(sample(begin), {end - begin, sample_size});
}

std::shared_ptr<const Inputs> Numbers::subset(const std::vector<std::int64_t>& rows) const {
  std::vector<float> taken;
  taken.reserve(rows.size() * static_cast<std::size_t>(sample_size));
  for (const std::int64_t row : rows) taken.insert(taken.end(), sample(row), sample(row) + sample_size);
  return std::make_shared<const Numbers>(shape, std::move(taken));
}

ModelInput Numbers::batch(const std::vector<std::int64_t>& rows) const {
  Tensor x = empty(batch_shape(*this, static_cast<std::int64_t>(rows.size())));
  float* to = x.data<float>();
  for (const std::int64_t row : rows) to = std::copy_n(sample(row), sample_size, to);
  return x;
}

ModelInput Numbers::meta_batch(const BatchShape& batch) const {
  return empty(batch_shape(*this, batch.samples), {DType::f32, kMeta});
}

bool Numbers::same(std::int64_t row, const Inputs& other, std::int64_t other_row) const {
  const auto* numbers = dynamic_cast<const Numbers*>(&other);
  return numbers != nullptr && numbers->shape == shape &&
         std::equal(sample(row), sample(row) + sample_size, numbers->sample(other_row));
}

std::uint64_t Numbers::hash(std::int64_t row) const {
  auto hash = static_cast<std::uint64_t>(sample_size);
  const float* x = sample(row);
  for (std::int64_t i = 0; i < sample_size; i += 2) {
    // -0 equals 0 and has other bits: adding 0 makes it 0.
    const std::array<float, 2> pair{x[i] + 0.0F, i + 1 < sample_size ? x[i + 1] + 0.0F : 0.0F};
    std::uint64_t word = 0;
    std::memcpy(&word, pair.data(), sizeof word);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32;
  }
  return hash;
}

void Numbers::hash_source(Sha256& hash) const { hash.update(values.data(), values.size() * sizeof(float)); }

void Numbers::hash_sample(std::int64_t row, Sha256& hash) const {
  for (const std::int64_t size : shape) hash.update(&size, sizeof size);
  hash.update(sample(row), static_cast<std::size_t>(sample_size) * sizeof(float));
}

const Numbers* find_numbers(const Dataset& data) { return dynamic_cast<const Numbers*>(data.inputs.get()); }

const Numbers& numbers_of(const Dataset& data) { return dynamic_cast<const Numbers&>(*data.inputs); }

}  // namespace thaw
