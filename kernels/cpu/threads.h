// What is the same for both ways to have threads: threads_pool.cpp and threads_openmp.cpp. CMake's
// THAW_THREADS says which one is compiled.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>

#include "kernels/cpu/parallel.h"

namespace thaw::cpu::detail {

struct Job {
  ChunkFunction run;
  const void* context;
  std::int64_t chunks;
  int threads;  // how many may work on it, the caller among them
  std::atomic<std::int64_t> next{0};
  std::atomic<int> joined{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error = nullptr;  // of the first chunk that failed
};

// Claims chunks until none is left. A chunk may run out of scratch memory: what it throws is kept for the
// caller's thread.
void work_on(Job& job);

// The caller and its helpers work on the job; returns when all of it is done.
void share(Job& job);

}  // namespace thaw::cpu::detail
