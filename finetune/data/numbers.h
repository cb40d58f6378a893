// Samples that are numbers of one shape: the rows of a table, images.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/tensor.h"
#include "finetune/data/dataset.h"
#include "finetune/data/inputs.h"

namespace thaw {

struct Numbers final : Inputs {
  // `values` [N, ...sample_shape], row-major.
  Numbers(std::vector<std::int64_t> sample_shape, std::vector<float> values);

  const std::vector<std::int64_t> shape;  // of a sample
  const std::int64_t sample_size;         // how many numbers it has
  std::vector<float> values;

  float* sample(std::int64_t row) { return values.data() + row * sample_size; }
  const float* sample(std::int64_t row) const { return values.data() + row * sample_size; }
  Tensor rows(std::int64_t begin, std::int64_t end) const;  // f32 [end - begin, sample_size]

  std::int64_t size() const override;
  const std::vector<std::int64_t>& sample_shape() const override { return shape; }
  std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const override;
  ModelInput batch(const std::vector<std::int64_t>& rows) const override;
  ModelInput meta_batch(const BatchShape& batch) const override;
  std::int64_t length(std::int64_t) const override { return 1; }
  std::int64_t evaluation_batch_size() const override { return 256; }
  bool same(std::int64_t row, const Inputs& other, std::int64_t other_row) const override;
  std::uint64_t hash(std::int64_t row) const override;
  void hash_source(Sha256& hash) const override;
  void hash_sample(std::int64_t row, Sha256& hash) const override;
};

// What the data have; null where they are no numbers.
const Numbers* find_numbers(const Dataset& data);
// Of data that are numbers.
const Numbers& numbers_of(const Dataset& data);

}  // namespace thaw
