// SpecAugment (Park et al. 2019): bands and stretches of time of log-mel features are hidden in training.
#pragma once

#include <cstdint>

#include "core/random.h"

namespace thaw {

inline constexpr const char* kSpecAugment = "specaugment";  // in data.augment

// Hides in features [frames, mels], row-major, by zeros: two runs of bands, each of 0 to 27 of 80 mels (of others as
// large a share), and two stretches of time, each of 0 to 100 frames but at most a fifth of the sound. These are the
// paper's F, mF and mT of its policy LD, with p = 0.2 as for short sounds, without its warping of time. A function of the key
// and the sample.
void spec_augment(float* features, std::int64_t frames, std::int64_t mels, RandomKey key,
                  std::int64_t sample);

}  // namespace thaw
