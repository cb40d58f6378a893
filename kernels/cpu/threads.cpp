// How many threads kernels use, and the helpers that lend theirs.
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "kernels/cpu/parallel.h"
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
namespace {

// Polls before a thread goes to sleep: some tens of microseconds, about what waking one costs.
constexpr int kSpins = 2000;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until value differs from `old`: awake at first, then asleep.
template <class T>
void wait_while(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

struct Job {
  ChunkFunction run;
  const void* context;
  std::int64_t chunks;
  int helpers;  // how many may join
  std::atomic<std::int64_t> next{0};
  std::atomic<int> joined{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error = nullptr;  // of the first chunk that failed
};

// A chunk may run out of scratch memory: what it throws is kept for the caller's thread.
void work_on(Job& job) {
  try {
    for (std::int64_t c = job.next++; c < job.chunks; c = job.next++) job.run(job.context, c);
  } catch (...) {
    if (!job.failed.exchange(true)) job.error = std::current_exception();
    job.next = job.chunks;
  }
}

thread_local bool inside_job = false;

class Pool {
 public:
  ~Pool() {
    stopping_ = true;
    announce();
    for (std::thread& helper : helpers_) helper.join();
  }

  void run(Job& job) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return work_on(job);
    hire(job.helpers);
    job_ = &job;
    announce();
    work_on(job);
    // The job lives on this stack: it is withdrawn, and whoever had seen it is waited for. A helper counts
    // itself in before it looks, so either it is counted here or it sees that there is no job.
    job_ = nullptr;
    for (int busy = busy_; busy > 0; busy = busy_) wait_while(busy_, busy);
  }

 private:
  // Where the system gives no more threads, those that are there do the work.
  void hire(int count) {
    try {
      while (static_cast<int>(helpers_.size()) < count) helpers_.emplace_back([this] { help(); });
    } catch (const std::system_error&) {
      return;
    }
  }

  void announce() {
    ++generation_;
    generation_.notify_all();
  }

  void help() {
    inside_job = true;
    int seen = 0;
    while (!stopping_) {
      wait_while(generation_, seen);
      seen = generation_;
      ++busy_;
      if (Job* job = job_; job != nullptr && job->joined++ < job->helpers) work_on(*job);
      --busy_;
      busy_.notify_all();
    }
  }

  std::mutex mutex_;  // one job at a time
  std::vector<std::thread> helpers_;
  std::atomic<Job*> job_{nullptr};
  std::atomic<int> generation_{0};
  std::atomic<int> busy_{0};  // helpers that may be looking at job_
  std::atomic<bool> stopping_{false};
};

}  // namespace

void run_chunks(std::int64_t chunks, int threads, ChunkFunction run, const void* context) {
  Job job{run, context, chunks, threads - 1};
  if (inside_job) {
    work_on(job);
  } else {
    static Pool pool;
    inside_job = true;
    pool.run(job);
    inside_job = false;
  }
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace cpu::detail
}  // namespace thaw
