// OpenMP's threads: one region in which they claim chunks.
#include <algorithm>
#include <latch>
#include <system_error>
#include <thread>
#include <vector>

#include "kernels/cpu/threads.h"

namespace thaw::cpu::detail {
namespace {

// OpenMP ends the program where the system gives it no thread. So they are tried before: half of those that
// could be had leave the system something for whoever asks next.
int threads_to_be_had(int wanted) {
  std::vector<std::thread> tried;
  tried.reserve(static_cast<std::size_t>(wanted));
  std::latch end(1);
  int given = wanted;
  try {
    for (int i = 1; i < wanted; ++i) tried.emplace_back([&end] { end.wait(); });
  } catch (const std::system_error&) {
    given = 1 + static_cast<int>(tried.size()) / 2;
  }
  end.count_down();
  for (std::thread& thread : tried) thread.join();
  return given;
}

// Every region has all threads, also where there are fewer chunks: libgomp ends those that a region leaves
// out and starts new ones for the next. Each calling thread has helpers of its own.
int team_size() {
  thread_local int tried = 1, given = 1;
  const int wanted = num_threads();
  if (wanted > tried) {
    given = threads_to_be_had(wanted);
    tried = wanted;
  }
  return std::min(wanted, given);
}

std::atomic_flag in_region;  // of any thread

}  // namespace

void share(Job& job) {
  if (in_region.test_and_set()) return work_on(job);
  const int threads = team_size();
#pragma omp parallel num_threads(threads)
  work_on(job);
  in_region.clear();
}

}  // namespace thaw::cpu::detail
