// How many threads kernels use, and how one of them works.
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "kernels/cpu/threads.h"
#include "kernels/kernels.h"

namespace thaw {
namespace {

std::atomic<int> chosen_threads{0};

// The processors that this process may run on.
int available_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

void set_num_threads(int threads) {
  chosen_threads.store(threads < 0 ? 0 : threads, std::memory_order_relaxed);
}

int num_threads() {
  const int chosen = chosen_threads.load(std::memory_order_relaxed);
  if (chosen > 0) return chosen;
  static const int all = available_processors();
  return all;
}

namespace cpu::detail {

void work_on(Job& job) {
  try {
    for (std::int64_t c = job.next++; c < job.chunks; c = job.next++) job.run(job.context, c);
  } catch (...) {
    if (!job.failed.exchange(true)) job.error = std::current_exception();
    job.next = job.chunks;
  }
}

void run_chunks(std::int64_t chunks, int threads, ChunkFunction run, const void* context) {
  Job job{run, context, chunks, threads};
  share(job);
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace cpu::detail
}  // namespace thaw
