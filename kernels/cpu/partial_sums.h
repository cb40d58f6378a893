// Column sums over rows that several threads share. Each chunk of rows adds into a row of its own, and these
// are then added in order. The chunks depend on shapes alone, so the result does not depend on the number of
// threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/lanes.h"
#include "kernels/memory.h"

namespace thaw::cpu {

template <class T>
class PartialSums {
 public:
  // Rows per chunk: at least `smallest`, and so many that there are few chunks and their sums stay cheap.
  static std::int64_t grain(std::int64_t rows, std::int64_t smallest) {
    constexpr std::int64_t kMostChunks = 32;
    return std::max(smallest, (rows + kMostChunks - 1) / kMostChunks);
  }

  // Sums `width` columns over `rows` into `out`. If `out` is null, nothing is summed.
  PartialSums(T* out, std::int64_t width, std::int64_t rows, std::int64_t grain, Device device)
      : out_(out),
        width_(width),
        chunks_((rows + grain - 1) / grain),
        scratch_(device, out ? chunks_ * width * static_cast<std::int64_t>(sizeof(T)) : 0) {}

  // The zeroed sums of a chunk, or null.
  T* chunk(std::int64_t index) const {
    if (out_ == nullptr) return nullptr;
    T* sums = scratch_.template as<T>() + index * width_;
    std::fill_n(sums, width_, T{0});
    return sums;
  }

  void combine() const {
    if (out_ == nullptr) return;
    const T* sums = scratch_.template as<T>();
    for_lanes<T>(width_, [&](std::int64_t i, int count) {
      Lanes<T> total{};
      for (std::int64_t c = 0; c < chunks_; ++c) total += load(sums + c * width_ + i, count);
      store(out_ + i, total, count);
    });
  }

 private:
  T* out_;
  std::int64_t width_;
  std::int64_t chunks_;
  memory::Scratch scratch_;
};

}  // namespace thaw::cpu
