// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a
// function from a 128-bit counter and a 64-bit key to 128 random bits. There is no state: number i of row r
// is word i % 4 of the output for counter (i / 4, r), independent of caller, call order and device.
#pragma once

#include <array>
#include <cstdint>

namespace thaw::philox {

inline constexpr int kRounds = 10;
inline constexpr std::uint32_t kMultiplier0 = 0xD2511F53;
inline constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57;
inline constexpr std::uint32_t kWeyl0 = 0x9E3779B9;  // added to the key every round
inline constexpr std::uint32_t kWeyl1 = 0xBB67AE85;

using Words = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

constexpr Words philox4x32(Words counter, Key key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t p1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

constexpr std::uint32_t low_word(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high_word(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

// The counter of numbers 4 * block .. 4 * block + 3 of a row.
constexpr Words counter_of(std::uint64_t row, std::uint64_t block) {
  return {low_word(block), high_word(block), low_word(row), high_word(row)};
}

// The finaliser of SplitMix64: a bijection that decorrelates neighbouring inputs.
constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// Folds a seed and a stream into one key.
constexpr Key fold_key(std::uint64_t seed, std::uint64_t stream) {
  const std::uint64_t key = mix(mix(seed + 0x9E3779B97F4A7C15) ^ stream);
  return {low_word(key), high_word(key)};
}

}  // namespace thaw::philox
