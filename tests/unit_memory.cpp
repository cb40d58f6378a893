// The caching allocator: reuse, alignment, counts per category and device, and refusal without harm.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/memory.h"

namespace thaw::test {
namespace {

using memory::Category;

std::int64_t current(Device device, Category category) {
  return memory::usage(device).current[static_cast<std::size_t>(category)];
}

std::int64_t peak(Device device, Category category) {
  return memory::usage(device).peak[static_cast<std::size_t>(category)];
}

std::uintptr_t address(const void* block) { return reinterpret_cast<std::uintptr_t>(block); }

TEST(Memory, BlocksAreAlignedAndHoldWhatWasAskedFor) {
  constexpr std::int64_t kMega = 1 << 20;
  for (const std::int64_t bytes :
       std::vector<std::int64_t>{1, 63, 64, 65, 511, 512, 513, 577, 4097, 70001, kMega + 1, 4 * kMega - 1,
                                 4 * kMega, 9 * kMega + 5}) {
    void* block = memory::allocate(kCpu, bytes, Category::cache);
    ASSERT_NE(block, nullptr) << bytes;
    EXPECT_EQ(address(block) % (bytes >= 4 * kMega ? 2 * kMega : 64), 0U) << bytes;
    std::memset(block, 0x5a, static_cast<std::size_t>(bytes));
    memory::release(kCpu, block, bytes, Category::cache);
  }
}

TEST(Memory, LiveBlocksDoNotOverlap) {
  std::vector<std::pair<unsigned char*, std::int64_t>> live;
  for (std::int64_t bytes = 1; bytes < 3000; bytes += 37) {
    auto* block = static_cast<unsigned char*>(memory::allocate(kCpu, bytes, Category::cache));
    std::memset(block, static_cast<int>(bytes & 0xff), static_cast<std::size_t>(bytes));
    live.emplace_back(block, bytes);
  }
  for (const auto& [block, bytes] : live) {
    EXPECT_EQ(block[0], bytes & 0xff);
    EXPECT_EQ(block[bytes - 1], bytes & 0xff);
    memory::release(kCpu, block, bytes, Category::cache);
  }
}

#if !defined(THAW_ADDRESS_SANITIZER)  // under which blocks are not cached
TEST(Memory, AReleasedBlockIsHandedOutAgain) {
  void* first = memory::allocate(kCpu, 10007, Category::cache);
  memory::release(kCpu, first, 10007, Category::cache);
  void* second = memory::allocate(kCpu, 10001, Category::scratch);
  EXPECT_EQ(second, first);
  memory::release(kCpu, second, 10001, Category::scratch);
}
#endif

TEST(Memory, CountsWhatWasAskedForPerCategory) {
  memory::reset_peak(kCpu);
  const memory::Usage before = memory::usage(kCpu);
  void* a = memory::allocate(kCpu, 1000, Category::scratch);
  void* b = memory::allocate(kCpu, 500, Category::optimizer);
  EXPECT_EQ(memory::usage(kCpu).total, before.total + 1500);
  memory::release(kCpu, a, 1000, Category::scratch);
  memory::recategorise(kCpu, 500, Category::optimizer, Category::gradient);
  const auto at = [&](Category c) { return before.current[static_cast<std::size_t>(c)]; };
  EXPECT_EQ(current(kCpu, Category::scratch), at(Category::scratch));
  EXPECT_EQ(peak(kCpu, Category::scratch), at(Category::scratch) + 1000);
  EXPECT_EQ(current(kCpu, Category::optimizer), at(Category::optimizer));
  EXPECT_EQ(current(kCpu, Category::gradient), at(Category::gradient) + 500);
  EXPECT_EQ(memory::usage(kCpu).total_peak, before.total + 1500);
  memory::release(kCpu, b, 500, Category::gradient);
  EXPECT_EQ(memory::usage(kCpu).total, before.total);
  memory::reset_peak(kCpu);
  EXPECT_EQ(memory::usage(kCpu).total_peak, before.total);
}

// What runs share is no part of what one of them needs.
TEST(Memory, TheTotalIsWithoutTheCache) {
  memory::reset_peak(kCpu);
  const memory::Usage before = memory::usage(kCpu);
  void* a = memory::allocate(kCpu, 1000, Category::cache);
  EXPECT_EQ(current(kCpu, Category::cache), before.current[static_cast<std::size_t>(Category::cache)] + 1000);
  EXPECT_EQ(memory::usage(kCpu).total, before.total);
  EXPECT_EQ(memory::usage(kCpu).total_peak, before.total);
  memory::release(kCpu, a, 1000, Category::cache);
}

TEST(Memory, TheMetaDeviceCountsAndAllocatesNothing) {
  constexpr std::int64_t kTera = std::int64_t{1} << 40;
  const std::int64_t before = current(kMeta, Category::parameter);
  EXPECT_EQ(memory::allocate(kMeta, 100 * kTera, Category::parameter), nullptr);
  EXPECT_EQ(current(kMeta, Category::parameter), before + 100 * kTera);
  memory::release(kMeta, nullptr, 100 * kTera, Category::parameter);
  EXPECT_EQ(current(kMeta, Category::parameter), before);
}

TEST(Memory, RefusesWhatCannotBeAndCountsNothingForIt) {
  const std::int64_t before = memory::usage(kCpu).total;
  EXPECT_EQ(memory::allocate(kCpu, 0, Category::cache), nullptr);
  const std::int64_t absurd = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(memory::allocate(kCpu, absurd, Category::cache), nullptr);
  memory::release(kCpu, nullptr, absurd, Category::cache);
  EXPECT_EQ(memory::usage(kCpu).total, before);
}

TEST(Memory, ServesSeveralThreads) {
  const std::int64_t before = memory::usage(kCpu).total;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (std::int64_t i = 0; i < 2000; ++i) {
        const std::int64_t bytes = 64 + (i * 97 + t) % 5000;
        auto* block = static_cast<unsigned char*>(memory::allocate(kCpu, bytes, Category::scratch));
        block[0] = block[bytes - 1] = static_cast<unsigned char>(t);
        if (block[0] != t) std::abort();
        memory::release(kCpu, block, bytes, Category::scratch);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory::usage(kCpu).total, before);
}

}  // namespace
}  // namespace thaw::test
