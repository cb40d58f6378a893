// How many threads kernels use.
#include <omp.h>

#include <atomic>

#include "kernels/kernels.h"

namespace thaw {
namespace {
std::atomic<int> chosen_threads{0};
}

void set_num_threads(int threads) {
  chosen_threads.store(threads < 0 ? 0 : threads, std::memory_order_relaxed);
}

int num_threads() {
  const int chosen = chosen_threads.load(std::memory_order_relaxed);
  if (chosen > 0) return chosen;
  // Read once: it honours OMP_NUM_THREADS and the process's CPU affinity.
  static const int all = omp_get_max_threads();
  return all;
}

}  // namespace thaw
