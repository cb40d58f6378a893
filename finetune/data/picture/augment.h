// Pictures changed at random, for training: a function of a key and the sample, never of the order of calls. They change
// 8-bit pictures, as Pillow and torchvision.transforms do, but that they shear about the middle.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"
#include "finetune/data/picture/picture.h"

namespace thaw {

enum class Augmentation {
  flip,   // mirrored left to right, one time in two
  crop,   // moved by up to an eighth of its sides, black where nothing was: a crop of the padded picture
  color,  // brightness, contrast and saturation, each times 0.6 to 1.4
  randaugment,  // two of the fourteen operations of RandAugment (Cubuk et al. 2020), at magnitude 9 of 30
};
const std::vector<std::string>& names_of(Augmentation);  // in the order of the values

// One after the other, in the order in which they are named. `key`: of a run and an update; `sample`: its id.
Picture augmented(Picture picture, const std::vector<Augmentation>& changes, RandomKey key,
                  std::int64_t sample);

// ---- the operations that these are made of

// Towards black, the mean grey, or the grey picture (factor 0), or away from it (above 1); clipped.
Picture with_brightness(Picture picture, double factor);
Picture with_contrast(Picture picture, double factor);
Picture with_saturation(Picture picture, double factor);
// Away from the picture smoothed by (1 1 1, 1 5 1, 1 1 1) / 13, whose outermost pixels stay as they are.
Picture with_sharpness(Picture picture, double factor);
// The upper `bits` of each value alone.
Picture posterized(Picture picture, int bits);
// Values from `threshold` on inverted.
Picture solarized(Picture picture, int threshold);
// Each channel stretched to 0 to 255.
Picture with_full_contrast(Picture picture);
// Each channel with a histogram as even as whole steps make it.
Picture equalized(Picture picture);
// Of each new pixel, counted from the middle of the picture: where in the old one, to the nearest pixel, it is taken from,
//   (x, y) -> (a x + b y + c, d x + e y + f)
// Black where that is outside.
Picture transformed(const Picture& picture, double a, double b, double c, double d, double e, double f);

}  // namespace thaw
