// The caching allocator of the host, and the counters of every device.
//
// A size class is a power of two cut into eight steps, so a block wastes at most an eighth. The class follows
// from the requested bytes, which the caller passes again on release: blocks carry no header. A free block
// holds the link to the next free one of its class. One mutex guards lists and counters; uncontended, it is
// cheap.
#include "kernels/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

namespace thaw::memory {
namespace {

// Under AddressSanitizer blocks go straight back to malloc, so that it sees every use after a release.
#if defined(THAW_ADDRESS_SANITIZER)
constexpr bool kCaching = false;
#else
constexpr bool kCaching = true;
#endif

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLargeBlock = std::size_t{4} << 20;
constexpr std::int64_t kLargestBlock = std::int64_t{1} << 46;
constexpr int kStepBits = 3;
constexpr int kClasses = 48 << kStepBits;

struct SizeClass {
  int index;
  std::size_t bytes;
};

SizeClass size_class(std::int64_t bytes) {
  const auto units = (static_cast<std::size_t>(bytes) + kAlignment - 1) / kAlignment;
  const std::size_t last = units - 1;
  if (last < (1u << kStepBits)) return {static_cast<int>(last), units * kAlignment};
  const int shift = static_cast<int>(std::bit_width(last)) - 1 - kStepBits;
  const std::size_t step = last >> shift;  // 8..15: the leading bits of the size
  std::size_t rounded = ((step + 1) << shift) * kAlignment;
  if (rounded >= kLargeBlock) rounded = (rounded + kHugePage - 1) / kHugePage * kHugePage;
  return {static_cast<int>((static_cast<std::size_t>(shift) << kStepBits) + step), rounded};
}

struct FreeBlock {
  FreeBlock* next;
};

struct Pool {
  std::mutex mutex;
  Usage usage;
  FreeBlock* free[kClasses] = {};
};

// Never destroyed: storages with static lifetime may be released after the pool's destructor would have run.
Pool& pool(Device device) {
  static Pool* const host = new Pool;
  static Pool* const meta = new Pool;
  return device.kind == DeviceKind::meta ? *meta : *host;
}

void* system_allocate(std::size_t bytes) {
  const bool large = bytes >= kLargeBlock;
  void* block = std::aligned_alloc(large ? kHugePage : kAlignment, bytes);
#ifdef MADV_HUGEPAGE
  // Only advice: without huge pages the block works too, only slower.
  if (large && block != nullptr) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

void free_cached(Pool& p) {
  for (FreeBlock*& head : p.free) {
    while (head != nullptr) std::free(std::exchange(head, head->next));
  }
}

void add(std::int64_t& current, std::int64_t& peak, std::int64_t delta) {
  current += delta;
  peak = std::max(peak, current);
}

void count(Usage& usage, std::int64_t delta, Category category) {
  const auto c = static_cast<std::size_t>(category);
  add(usage.current[c], usage.peak[c], delta);
  if (category != Category::cache) add(usage.total, usage.total_peak, delta);
}

void* take(Pool& p, std::int64_t bytes) {
  const SizeClass c = size_class(bytes);
  if (FreeBlock* block = p.free[c.index]; block != nullptr) {
    p.free[c.index] = block->next;
    return block;
  }
  if (void* block = system_allocate(c.bytes); block != nullptr) return block;
  free_cached(p);
  return system_allocate(c.bytes);
}

}  // namespace

const char* category_name(Category category) {
  static constexpr const char* kNames[kCategories] = {"parameter",  "gradient", "optimizer", "input",
                                                      "activation", "cache",    "snapshot",  "scratch"};
  return kNames[static_cast<int>(category)];
}

void* allocate(Device device, std::int64_t bytes, Category category) {
  assert(bytes >= 0);
  if (bytes == 0) return nullptr;
  Pool& p = pool(device);
  const std::lock_guard lock(p.mutex);
  if (device.kind == DeviceKind::meta) {
    count(p.usage, bytes, category);
    return nullptr;
  }
  if (bytes > kLargestBlock) return nullptr;
  void* block = take(p, bytes);
  if (block != nullptr) count(p.usage, bytes, category);
  return block;
}

void release(Device device, void* block, std::int64_t bytes, Category category) {
  if (block == nullptr && device.kind != DeviceKind::meta) return;
  Pool& p = pool(device);
  const std::lock_guard lock(p.mutex);
  count(p.usage, -bytes, category);
  if (block == nullptr) return;
  if (!kCaching) return std::free(block);
  FreeBlock*& head = p.free[size_class(bytes).index];
  head = new (block) FreeBlock{head};
}

void recategorise(Device device, std::int64_t bytes, Category from, Category to) {
  Pool& p = pool(device);
  const std::lock_guard lock(p.mutex);
  p.usage.current[static_cast<std::size_t>(from)] -= bytes;
  const auto c = static_cast<std::size_t>(to);
  add(p.usage.current[c], p.usage.peak[c], bytes);
}

void count_saved(Device device, std::int64_t delta) {
  Pool& p = pool(device);
  const std::lock_guard lock(p.mutex);
  add(p.usage.saved, p.usage.saved_peak, delta);
}

Usage usage(Device device) {
  Pool& p = pool(device);
  const std::lock_guard lock(p.mutex);
  return p.usage;
}

void reset_peak(Device device) {
  Pool& p = pool(device);
  const std::lock_guard lock(p.mutex);
  p.usage.peak = p.usage.current;
  p.usage.total_peak = p.usage.total;
  p.usage.saved_peak = p.usage.saved;
}

void trim(Device device) {
  Pool& p = pool(device);
  const std::lock_guard lock(p.mutex);
  free_cached(p);
}

}  // namespace thaw::memory
