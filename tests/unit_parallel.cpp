// Threads: what goes wrong in a chunk reaches whoever asked for the work, work inside of work, several
// callers at once, and a system that gives no more threads.
#include "kernels/cpu/parallel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include "kernels/kernels.h"

namespace thaw::test {
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

TEST(ParallelFor, InsideAChunkStaysInItsThread) {
  set_num_threads(3);
  std::atomic<int> done = 0, strayed = 0;
  cpu::parallel_for(16, 1, [&](std::int64_t, std::int64_t) {
    const std::thread::id here = std::this_thread::get_id();
    cpu::parallel_for(16, 1, [&](std::int64_t, std::int64_t) {
      ++done;
      if (std::this_thread::get_id() != here) ++strayed;
    });
  });
  EXPECT_EQ(done, 256);
  EXPECT_EQ(strayed, 0);
  set_num_threads(0);
}

TEST(ParallelFor, ServesSeveralCallersAtOnce) {
  set_num_threads(3);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&wrong] {
      for (int round = 0; round < 50; ++round) {
        std::vector<int> seen(64);
        cpu::parallel_for(64, 1, [&seen](std::int64_t begin, std::int64_t) { ++seen[begin]; });
        if (seen != std::vector<int>(64, 1)) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  set_num_threads(0);
}

// In a process of its own, with address space for a few stacks.
TEST(ParallelFor, WorksWithFewerThreadsThanAskedFor) {
#if defined(THAW_ADDRESS_SANITIZER) || defined(THAW_THREAD_SANITIZER)
  GTEST_SKIP() << "the sanitizer needs the address space";
#endif
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto work_in_little_space = [] {
    const rlimit space{std::size_t{1} << 29, std::size_t{1} << 29};
    ::setrlimit(RLIMIT_AS, &space);
    set_num_threads(1000);
    std::atomic<std::int64_t> done = 0;
    for (int round = 0; round < 3; ++round)
      cpu::parallel_for(2000, 1, [&](std::int64_t begin, std::int64_t end) { done += end - begin; });
    std::_Exit(done == 6000 ? 0 : 1);
  };
  EXPECT_EXIT(work_in_little_space(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace thaw::test
