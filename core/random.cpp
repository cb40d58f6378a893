#include "core/random.h"

#include <numeric>
#include <utility>

namespace thaw {
namespace {
thread_local RandomContext context;
}

std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

RandomKey random_key(std::uint64_t seed, std::string_view path, std::int64_t step, std::int64_t micro_batch) {
  std::uint64_t stream = mix64(hash_text(path));
  stream = mix64(stream ^ static_cast<std::uint64_t>(step));
  stream = mix64(stream ^ static_cast<std::uint64_t>(micro_batch));
  return {mix64(seed), stream};
}

std::uint64_t random_below(RandomKey key, std::uint64_t counter, std::uint64_t n) {
  const std::uint64_t bits = mix64(mix64(key.seed ^ mix64(key.stream)) ^ counter);
  // The high half of a 128-bit product (Lemire 2019); its bias is below n / 2^64:
  //   floor(bits * n / 2^64)
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(bits) * n >> 64);
}

const RandomContext& random_context() { return context; }

RandomScope::RandomScope(RandomContext next) : previous_(std::exchange(context, std::move(next))) {}
RandomScope::~RandomScope() { context = std::move(previous_); }

std::vector<std::int64_t> random_permutation(RandomKey key, std::int64_t n) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::int64_t i = n - 1; i > 0; --i) {
    const auto j = random_below(key, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(i) + 1);
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
  }
  return order;
}

}  // namespace thaw
