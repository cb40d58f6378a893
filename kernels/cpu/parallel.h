// parallel_for: the one way kernels use threads.
//
// The range is cut into chunks of `grain` that depend on the shape alone, never on the number of threads, so a
// kernel that reduces inside a chunk and combines chunks in order gives the same bits for any thread count.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace thaw {
int num_threads();
}

namespace thaw::cpu {

// Elements of cheap elementwise work that are worth a chunk of their own.
inline constexpr std::int64_t kElementGrain = 16384;

// Calls f(begin, end) for every chunk of [0, n).
template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, const F& f) {
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t chunks = (n + grain - 1) / grain;
  const int threads = static_cast<int>(std::min<std::int64_t>(num_threads(), chunks));
  if (threads <= 1 || omp_in_parallel()) {
    for (std::int64_t c = 0; c < chunks; ++c) f(c * grain, std::min(n, (c + 1) * grain));
    return;
  }
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::int64_t c = 0; c < chunks; ++c) f(c * grain, std::min(n, (c + 1) * grain));
}

}  // namespace thaw::cpu
