// The caching allocator: reuse, alignment, counts per category and device, and refusal without harm.
#include <gtest/gtest.h>

#include <algorithm>
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

constexpr std::int64_t kMega = 1 << 20;

std::int64_t current(Device device, Category category) {
  return memory::usage(device).current[static_cast<std::size_t>(category)];
}

std::int64_t peak(Device device, Category category) {
  return memory::usage(device).peak[static_cast<std::size_t>(category)];
}

std::uintptr_t address(const void* block) { return reinterpret_cast<std::uintptr_t>(block); }

TEST(Memory, BlocksAreAlignedAndHoldWhatWasAskedFor) {
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

std::int64_t held() { return memory::usage(kCpu).held; }

TEST(Memory, AFreeBlockOfUpToTwiceTheSizeServesToo) {
  memory::trim(kCpu);
  const std::int64_t before = held();
  void* large = memory::allocate(kCpu, 20 * kMega, Category::scratch);
  memory::release(kCpu, large, 20 * kMega, Category::scratch);
  void* smaller = memory::allocate(kCpu, 11 * kMega, Category::scratch);
  EXPECT_EQ(smaller, large);
  memory::release(kCpu, smaller, 11 * kMega, Category::scratch);
  void* whole = memory::allocate(kCpu, 20 * kMega, Category::scratch);  // it has not become one of 11
  EXPECT_EQ(whole, large);
  memory::release(kCpu, whole, 20 * kMega, Category::scratch);
  EXPECT_EQ(held(), before + 20 * kMega);
  void* less_than_half = memory::allocate(kCpu, 9 * kMega, Category::scratch);
  EXPECT_NE(less_than_half, large);
  memory::release(kCpu, less_than_half, 9 * kMega, Category::scratch);
  memory::trim(kCpu);
  EXPECT_EQ(held(), before);
}

// As batches of unequal lengths do, whose sizes do not come again.
TEST(Memory, HoldsTwiceTheMostThatLived) {
  memory::trim(kCpu);
  memory::reset_peak(kCpu);
  const std::int64_t before = held();
  for (std::int64_t bytes = 2 * kMega; bytes < 100 * kMega; bytes += bytes / 4) {
    for (const std::int64_t part : {bytes, bytes / 3}) {
      void* block = memory::allocate(kCpu, part, Category::activation);
      memory::release(kCpu, block, part, Category::activation);
    }
    const std::int64_t most = memory::usage(kCpu).total_peak;
    EXPECT_LE(held() - before, std::max(32 * kMega, 2 * most + bytes / 8 + 2 * kMega)) << bytes;
  }
  memory::trim(kCpu);
}

// As a step over layers of unequal sizes does: forward's live together, backward's come and go, and whoever measures
// resets the peak.
TEST(Memory, ARepeatedStepTakesNothingFromTheSystem) {
  memory::trim(kCpu);
  std::int64_t settled = 0;  // after two: what served another size in the first may be missing in the second
  for (int step = 0; step < 5; ++step) {
    std::vector<std::pair<void*, std::int64_t>> live;
    for (std::int64_t bytes = 40 * kMega; bytes > kMega; bytes -= bytes / 3)
      live.emplace_back(memory::allocate(kCpu, bytes, Category::activation), bytes);
    for (; !live.empty(); live.pop_back()) {
      const auto [block, bytes] = live.back();
      void* gradient = memory::allocate(kCpu, bytes, Category::activation);
      void* scratch = memory::allocate(kCpu, bytes / 5, Category::scratch);
      memory::release(kCpu, scratch, bytes / 5, Category::scratch);
      memory::release(kCpu, block, bytes, Category::activation);
      memory::release(kCpu, gradient, bytes, Category::activation);
    }
    if (step <= 1) settled = memory::usage(kCpu).from_system;
    EXPECT_EQ(memory::usage(kCpu).from_system, settled) << "step " << step;
    memory::reset_peak(kCpu);
  }
  memory::trim(kCpu);
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
