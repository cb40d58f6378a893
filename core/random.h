// Random numbers are a function of (seed, module path, step, micro-batch, row id, index in the row), never of
// call order, position in a batch or thread. The same sample gets the same dropout mask in any batch.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/tensor.h"
#include "kernels/kernels.h"

namespace thaw {

// 64-bit mixing functions for keys (SplitMix64's finaliser; FNV-1a for text).
std::uint64_t mix64(std::uint64_t x);
std::uint64_t hash_text(std::string_view text);

// A key for one use of randomness, e.g. random_key(seed, "encoder.layer.0.dropout", step, micro_batch).
RandomKey random_key(std::uint64_t seed, std::string_view path, std::int64_t step = 0,
                     std::int64_t micro_batch = 0);

// A uniform integer in [0, n) from (key, counter); n > 0. For shuffles and draws on the host.
std::uint64_t random_below(RandomKey key, std::uint64_t counter, std::uint64_t n);

// The step that this thread is computing; the trainer sets it, dropout layers read it.
struct RandomContext {
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  std::int64_t micro_batch = 0;
  Tensor row_ids = {};  // i64 [B]: the samples' stable indices; undefined: their positions
};

const RandomContext& random_context();

class RandomScope {  // sets the context while it lives
 public:
  explicit RandomScope(RandomContext context);
  ~RandomScope();
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

 private:
  RandomContext previous_;
};

// A permutation of 0..n-1 (Fisher-Yates).
std::vector<std::int64_t> random_permutation(RandomKey key, std::int64_t n);

}  // namespace thaw
