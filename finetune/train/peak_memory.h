// The most memory that training needed: what evaluations take in between is no part of it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/memory.h"

namespace thaw {

class PeakMemory {
 public:
  // What is there now, weights and data, counts as nothing.
  explicit PeakMemory(Device device) : device_(device), before_(memory::usage(device).total) {
    memory::reset_peak(device);
  }

  // Takes the peak since the last note or reset into account, and begins anew.
  void note(std::int64_t& peak_bytes) const {
    peak_bytes = std::max(peak_bytes, memory::usage(device_).total_peak - before_);
    memory::reset_peak(device_);
  }
  void reset() const { memory::reset_peak(device_); }

 private:
  Device device_;
  std::int64_t before_;
};

}  // namespace thaw
