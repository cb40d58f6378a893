// Threads of our own: a helper that has not woken by the time the chunks are claimed is not waited for.
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "kernels/cpu/threads.h"

namespace thaw::cpu::detail {
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
    hire(job.threads - 1);
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
      if (Job* job = job_; job != nullptr && ++job->joined < job->threads) work_on(*job);
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

void share(Job& job) {
  if (inside_job) return work_on(job);
  static Pool pool;
  inside_job = true;
  pool.run(job);
  inside_job = false;
}

}  // namespace thaw::cpu::detail
