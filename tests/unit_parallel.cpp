// What goes wrong in a chunk reaches whoever asked for the work, on whichever thread it was.
#include "kernels/cpu/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "kernels/kernels.h"

namespace thaw {
namespace {

TEST(ParallelFor, ThrowsWhatAChunkThrew) {
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    for (const std::int64_t bad : {0, 7, 63}) {
      const auto work = [bad](std::int64_t begin, std::int64_t) {
        if (begin == bad) throw std::runtime_error("chunk");
      };
      EXPECT_THROW(cpu::parallel_for(64, 1, work), std::runtime_error)
          << threads << " threads, chunk " << bad;
    }
    std::atomic<std::int64_t> done = 0;
    cpu::parallel_for(64, 1, [&](std::int64_t begin, std::int64_t end) { done += end - begin; });
    EXPECT_EQ(done, 64) << "the threads work on";
  }
  set_num_threads(0);
}

}  // namespace
}  // namespace thaw
