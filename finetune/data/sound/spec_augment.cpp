#include "finetune/data/sound/spec_augment.h"

#include <algorithm>

namespace thaw {
namespace {

constexpr int kRuns = 2;
constexpr std::int64_t kBands = 27, kOfBands = 80, kFrames = 100, kShareOfFrames = 5;

struct Run {
  std::int64_t first, end;
};

// Of 0 to `longest` out of `size`, each length and each place equally likely.
Run draw_run(std::int64_t size, std::int64_t longest, RandomKey key, std::uint64_t draw) {
  const auto below = [&](std::uint64_t counter, std::int64_t n) {
    return static_cast<std::int64_t>(random_below(key, counter, static_cast<std::uint64_t>(n)));
  };
  const std::int64_t length = below(2 * draw, std::min(longest, size) + 1);
  const std::int64_t first = below(2 * draw + 1, size - length + 1);
  return {first, first + length};
}

}  // namespace

void spec_augment(float* features, std::int64_t frames, std::int64_t mels, RandomKey key,
                  std::int64_t sample) {
  auto draw = static_cast<std::uint64_t>(sample) * (2 * kRuns);
  for (int i = 0; i < kRuns; ++i) {
    const Run bands = draw_run(mels, kBands * mels / kOfBands, key, draw++);
    for (std::int64_t t = 0; t < frames; ++t)
      std::fill(features + t * mels + bands.first, features + t * mels + bands.end, 0.0F);
  }
  for (int i = 0; i < kRuns; ++i) {
    const Run time = draw_run(frames, std::min(kFrames, frames / kShareOfFrames), key, draw++);
    std::fill(features + time.first * mels, features + time.end * mels, 0.0F);
  }
}

}  // namespace thaw
