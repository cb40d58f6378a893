// Device memory: a caching allocator that counts current and peak bytes per category.
//
// Blocks come from free lists by size class, so that a steady training step neither calls malloc nor touches
// new pages. With batches of unequal lengths what is held for that stays about twice the most that
// lived at once (but for 32 MB, and rounding): beyond it a request that finds no free block gives others back. A step
// that asks for more than that in turn, in sizes that do not serve each other, comes to the system again and again.
// Large blocks are 2 MB-aligned and ask the operating system for huge pages. On the meta device nothing is allocated
// and only the counts are kept: they predict the memory of a real run.
#pragma once

#include <array>
#include <cstdint>
#include <new>

#include "kernels/view.h"

namespace thaw::memory {

enum class Category : std::uint8_t {
  parameter,
  gradient,
  optimizer,
  input,
  activation,
  cache,
  snapshot,
  scratch
};
inline constexpr int kCategories = 8;
const char* category_name(Category category);

struct Usage {  // bytes as requested, before rounding to a size class
  std::array<std::int64_t, kCategories> current{};
  std::array<std::int64_t, kCategories> peak{};
  // Of all categories but `cache`: what is kept there outlives whoever put it.
  std::int64_t total = 0;
  std::int64_t total_peak = 0;
  std::int64_t saved = 0;  // distinct storages held by graph nodes, without parameters and inputs
  std::int64_t saved_peak = 0;
  std::int64_t held = 0;  // by the pool, from the system: live blocks, rounded, and free ones for reuse
  std::int64_t from_system = 0;  // blocks that came from there, ever
};

// Null for 0 bytes, on the meta device, and when memory is exhausted (the caller reports what it was for).
void* allocate(Device device, std::int64_t bytes, Category category);
void release(Device device, void* block, std::int64_t bytes, Category category);
void recategorise(Device device, std::int64_t bytes, Category from, Category to);
void count_saved(Device device, std::int64_t delta);

Usage usage(Device device);
void reset_peak(Device device);
// Returns cached free blocks to the system.
void trim(Device device);

// Scratch memory that is released at the end of its scope. Throws std::bad_alloc when memory is exhausted,
// the only exception that a kernel may throw.
class Scratch {
 public:
  Scratch(Device device, std::int64_t bytes)
      : device_(device), bytes_(bytes), block_(allocate(device, bytes, Category::scratch)) {
    if (block_ == nullptr && bytes > 0 && device.kind != DeviceKind::meta) throw std::bad_alloc();
  }
  ~Scratch() { release(device_, block_, bytes_, Category::scratch); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  T* as() const {
    return static_cast<T*>(block_);
  }

 private:
  Device device_;
  std::int64_t bytes_;
  void* block_;
};

}  // namespace thaw::memory
