#include "finetune/data/inputs.h"

#include <algorithm>

namespace thaw {

MeanBatch mean_batch(const Inputs& inputs, std::int64_t batch_size) {
  const std::int64_t batches = inputs.size() / batch_size;
  MeanBatch sum;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    std::int64_t longest = 0;
    for (std::int64_t row = batch * batch_size; row < (batch + 1) * batch_size; ++row) {
      longest = std::max(longest, inputs.length(row));
      sum.total += inputs.length(row);
    }
    sum.length += longest;
  }
  const auto mean = [batches](std::int64_t all) { return (all + batches / 2) / batches; };
  return {mean(sum.length), mean(sum.total)};
}

}  // namespace thaw
