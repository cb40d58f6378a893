// The caching allocator of the host, and the counters of every device.
//
// A size class is a power of two cut into eight steps, so a block wastes at most an eighth. The class follows
// from the requested bytes, which the caller passes again on release: blocks carry no header. A free block
// holds the link to the next free one of its class. One mutex guards lists and counters; uncontended, it is
// cheap.
//
// Batches of unequal lengths ask for ever new sizes. What is free of earlier ones would pile up to many times
// of what lives. So a request is also served by a free block of up to twice its size, and a block that has to come
// from the system first gives back others: those of the class that was asked for longest ago.
#include "kernels/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

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
constexpr std::size_t kFewSizes = std::size_t{64} << 10;  // smaller blocks are cheap to have of every size
constexpr std::size_t kMostLent = 256;
constexpr std::int64_t kAlwaysKept = std::int64_t{32} << 20;
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

struct FreeList {
  FreeBlock* first = nullptr;
  std::int64_t block_bytes = 0;
  std::uint64_t last_asked = 0;
};

struct Pool {
  Pool() { lent.reserve(kMostLent); }

  std::mutex mutex;
  Usage usage;
  FreeList free[kClasses];
  std::uint64_t requests = 0;
  std::int64_t most_lived = 0;  // at once, without the cache, since trim()
  std::vector<std::pair<void*, FreeList*>>
      lent;  // blocks that hold less than their class has room for: few at a time
};

// Never destroyed: storages with static lifetime may be released after the pool's destructor would have run.
Pool& pool(Device device) {
  static Pool* const host = new Pool;
  static Pool* const meta = new Pool;
  return device.kind == DeviceKind::meta ? *meta : *host;
}

// Mapped by itself, so that it goes back to the system as a whole; malloc keeps pieces of what was aligned.
void* map_large(std::size_t bytes) {
  const std::size_t mapped = bytes + kHugePage;
  void* const start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(start) % kHugePage;
  auto* const block = static_cast<unsigned char*>(start) + before;
  if (before > 0) munmap(start, before);
  munmap(block + bytes, kHugePage - before);
#ifdef MADV_HUGEPAGE
  // Only advice: without huge pages the block works too, only slower.
  madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

void* system_allocate(std::size_t bytes) {
  const bool large = bytes >= kLargeBlock;
  return kCaching && large ? map_large(bytes) : std::aligned_alloc(large ? kHugePage : kAlignment, bytes);
}

void system_free(void* block, std::size_t bytes) {
  if (kCaching && bytes >= kLargeBlock) {
    munmap(block, bytes);
  } else {
    std::free(block);
  }
}

void* pop(FreeList& list) { return std::exchange(list.first, list.first->next); }

// Gives free blocks of the list back until the pool holds no more than `most` bytes.
void free_blocks(Pool& p, FreeList& list, std::int64_t most) {
  while (list.first != nullptr && p.usage.held > most) {
    system_free(pop(list), static_cast<std::size_t>(list.block_bytes));
    p.usage.held -= list.block_bytes;
  }
}

void free_cached(Pool& p) {
  for (FreeList& list : p.free) free_blocks(p, list, 0);
}

FreeList& free_for_longest(Pool& p) {
  return *std::min_element(std::begin(p.free), std::end(p.free), [](const FreeList& a, const FreeList& b) {
    if ((a.first == nullptr) != (b.first == nullptr)) return b.first == nullptr;
    return a.last_asked < b.last_asked;
  });
}

void make_room(Pool& p, std::int64_t bytes) {
  const std::int64_t lives = p.usage.current[static_cast<std::size_t>(Category::cache)] +
                             std::max(p.most_lived, p.usage.total + bytes);
  const std::int64_t most = std::max(kAlwaysKept, 2 * lives) - bytes;
  while (p.usage.held > most) {
    FreeList& list = free_for_longest(p);
    if (list.first == nullptr) return;
    free_blocks(p, list, most);
  }
}

// A free block of up to twice the size of the class. Null if there is none.
void* take_larger(Pool& p, int index) {
  for (int larger = index + 1; larger <= std::min(index + (1 << kStepBits), kClasses - 1); ++larger) {
    FreeList& list = p.free[larger];
    if (list.first == nullptr) continue;
    list.last_asked = p.requests;
    p.lent.emplace_back(list.first, &list);
    return pop(list);
  }
  return nullptr;
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
  FreeList& list = p.free[c.index];
  list.block_bytes = static_cast<std::int64_t>(c.bytes);
  list.last_asked = ++p.requests;
  if (list.first != nullptr) return pop(list);
  if (c.bytes >= kFewSizes && p.lent.size() < kMostLent)
    if (void* block = take_larger(p, c.index); block != nullptr) return block;
  make_room(p, list.block_bytes);
  void* block = system_allocate(c.bytes);
  if (block == nullptr) {
    free_cached(p);
    block = system_allocate(c.bytes);
  }
  if (block == nullptr) return nullptr;
  p.usage.held += list.block_bytes;
  ++p.usage.from_system;
  return block;
}

void put_back(Pool& p, void* block, std::int64_t bytes) {
  const SizeClass c = size_class(bytes);
  FreeList* list = &p.free[c.index];
  if (c.bytes >= kFewSizes)
    if (const auto found = std::find_if(p.lent.rbegin(), p.lent.rend(),
                                        [block](const auto& lent) { return lent.first == block; });
        found != p.lent.rend()) {
      list = found->second;
      *found = p.lent.back();
      p.lent.pop_back();
    }
  list->first = new (block) FreeBlock{list->first};
  if (!kCaching) free_blocks(p, *list, 0);
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
  if (block == nullptr) return nullptr;
  count(p.usage, bytes, category);
  p.most_lived = std::max(p.most_lived, p.usage.total);
  return block;
}

void release(Device device, void* block, std::int64_t bytes, Category category) {
  if (block == nullptr && device.kind != DeviceKind::meta) return;
  Pool& p = pool(device);
  const std::lock_guard lock(p.mutex);
  count(p.usage, -bytes, category);
  if (block == nullptr) return;
  put_back(p, block, bytes);
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
  p.most_lived = p.usage.total;
}

}  // namespace thaw::memory
