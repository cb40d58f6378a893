// parallel_for: the one way kernels use threads.
//
// The range is cut into chunks of `grain`. Where a kernel reduces inside a chunk and combines chunks in
// order, the grain depends on the shape alone, so that the bits are the same for any number of threads. Where
// each element's value is the same however the range is cut (products: gemm.cpp), it may depend on the
// threads too.
//
// Chunks are claimed one by one, by the calling thread too. A helper that the system has not scheduled (the
// machine is busy with something else) so delays nobody: its chunks are done by who is there. README.md says
// how this compares with OpenMP's regions, whose end waits for every thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace thaw {
int num_threads();
}

namespace thaw::cpu {

// Elements of cheap elementwise work that are worth a chunk of their own.
inline constexpr std::int64_t kElementGrain = 16384;

namespace detail {
using ChunkFunction = void (*)(const void* context, std::int64_t chunk);
// Calls run(context, c) for every c in [0, chunks), on up to `threads` threads, and returns when all are
// done. In a kernel that is itself a chunk, and while another thread is in here, the caller does all of them.
void run_chunks(std::int64_t chunks, int threads, ChunkFunction run, const void* context);
}  // namespace detail

// Calls f(begin, end) for every chunk of [0, n). What the first failing chunk throws comes out here.
template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, const F& f) {
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t chunks = (n + grain - 1) / grain;
  const auto run = [&f, n, grain](std::int64_t c) { f(c * grain, std::min(n, (c + 1) * grain)); };
  const int threads = static_cast<int>(std::min<std::int64_t>(num_threads(), chunks));
  if (threads <= 1) {
    for (std::int64_t c = 0; c < chunks; ++c) run(c);
    return;
  }
  using Run = decltype(run);
  detail::run_chunks(
      chunks, threads, [](const void* context, std::int64_t c) { (*static_cast<const Run*>(context))(c); },
      &run);
}

}  // namespace thaw::cpu
