// Which samples each update sees, and the tensors they become. Everything is a function of (seed, update): a
// resumed run sees what an uninterrupted one would have.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/tensor.h"
#include "finetune/data/dataset.h"
#include "nn/module.h"

namespace thaw {

struct Batch {
  ModelInput x;  // see Inputs::batch
  // i64 [B] classes, f32 [B] values, or the characters of all transcripts, i64 [M]; of a model that writes next_tokens()
  Tensor target;
  Tensor ids;  // i64 [B]: the samples' ids, for random numbers that follow the sample
  // Of transcripts in characters, i64 [B]: how many characters each has, and places of its input.
  Tensor target_lengths = {}, lengths = {};
  std::int64_t size() const { return ids.size(0); }
};

Batch make_batch(const Dataset& data, const std::vector<std::int64_t>& rows);
// Its parts: what the model is given, and the rest.
ModelInput input_of(const Dataset& data, const std::vector<std::int64_t>& rows);
ModelInput training_input_of(const Dataset& data, const std::vector<std::int64_t>& rows);  // of an update
Batch without_input(const Dataset& data, const std::vector<std::int64_t>& rows);

// The rows of all samples, `size` at a time. Samples of several lengths come in the order of these, so that little of a
// batch is padding; others in their own.
using UseRows = std::function<void(const std::vector<std::int64_t>& rows)>;
void for_each_batch(const Dataset& data, std::int64_t size, const UseRows& use);
// On the meta device: of these rows, or the mean one of so many samples, at most data.size().
Batch meta_batch(const Dataset& data, const std::vector<std::int64_t>& rows);
Batch meta_batch(const Dataset& data, std::int64_t size);

class BatchPlan {
 public:
  // batch_size 0: the whole set. `accumulation` micro-batches make one update; the last ones of an epoch may
  // be smaller or fewer.
  BatchPlan(std::int64_t samples, std::int64_t batch_size, std::int64_t accumulation, bool shuffle,
            std::uint64_t seed);

  std::int64_t updates_per_epoch() const { return updates_per_epoch_; }
  std::int64_t batch_size() const { return batch_size_; }
  // Row indices of each micro-batch of the update that comes after `completed` updates.
  std::vector<std::vector<std::int64_t>> update(std::int64_t completed);
  // Samples of that update; the first is a whole one.
  std::int64_t samples(std::int64_t completed) const;
  // Of all updates before it.
  std::int64_t samples_before(std::int64_t completed) const;

 private:
  std::int64_t samples_, batch_size_, accumulation_;
  bool shuffle_;
  std::uint64_t seed_;
  std::int64_t updates_per_epoch_;
  std::int64_t order_epoch_ = -1;  // the epoch that order_ is of
  std::vector<std::int64_t> order_;
};

}  // namespace thaw
