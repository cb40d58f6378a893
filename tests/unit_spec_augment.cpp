// What SpecAugment hides of features.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "finetune/data/sound/spec_augment.h"

namespace thaw::test {
namespace {

using Floats = std::vector<float>;

// Of so many features which are hidden: by the key and the sample, and within what the paper's policy allows.
TEST(SpecAugment, HidesBandsAndStretchesOfTime) {
  constexpr std::int64_t kFrames = 300, kMels = 80;
  std::set<Floats> seen;
  std::int64_t most_bands = 0, most_frames = 0;
  for (std::int64_t sample = 0; sample < 200; ++sample) {
    Floats features(kFrames * kMels, 1.0F), again = features;
    spec_augment(features.data(), kFrames, kMels, random_key(3, "key"), sample);
    spec_augment(again.data(), kFrames, kMels, random_key(3, "key"), sample);
    ASSERT_EQ(features, again);
    seen.insert(features);
    std::int64_t bands = 0, frames = 0;
    for (std::int64_t j = 0; j < kMels; ++j) {
      bool hidden = true;
      for (std::int64_t t = 0; t < kFrames; ++t) hidden = hidden && features[t * kMels + j] == 0;
      bands += hidden ? 1 : 0;
    }
    for (std::int64_t t = 0; t < kFrames; ++t)
      frames +=
          std::all_of(&features[t * kMels], &features[t * kMels] + kMels, [](float x) { return x == 0; }) ? 1
                                                                                                          : 0;
    // What is hidden is one or the other.
    const auto rest = (kMels - bands) * (kFrames - frames);
    ASSERT_EQ(std::count(features.begin(), features.end(), 1.0F), rest);
    most_bands = std::max(most_bands, bands);
    most_frames = std::max(most_frames, frames);
  }
  EXPECT_GT(seen.size(), 195U);
  EXPECT_GT(most_bands, 40);
  EXPECT_LE(most_bands, 2 * 27);
  EXPECT_GT(most_frames, 90);
  EXPECT_LE(most_frames, 2 * 60);
  Floats short_one(4 * kMels, 1.0F);  // too short for a stretch of time
  spec_augment(short_one.data(), 4, kMels, random_key(3, "key"), 1);
  for (std::int64_t t = 1; t < 4; ++t)
    EXPECT_TRUE(std::equal(short_one.begin(), short_one.begin() + kMels, short_one.begin() + t * kMels));
}

}  // namespace
}  // namespace thaw::test
