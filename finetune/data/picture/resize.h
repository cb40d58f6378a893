// Pictures of another size.
#pragma once

#include <cstdint>
#include <utility>

#include "finetune/data/picture/picture.h"

namespace thaw {

// Of the distance x between two pixels' centres, in pixels of the larger grid:
//   bilinear  1 - |x|                                             for |x| < 1
//   bicubic   Keys (1981), a = -1/2:  1.5|x|^3 - 2.5|x|^2 + 1      for |x| < 1
//                                     -0.5|x|^3 + 2.5|x|^2 - 4|x| + 2   for |x| < 2
enum class ResizeFilter { bilinear, bicubic };

// Each pixel is a mean of those around its centre in the given picture, weighted by the filter, which is stretched where
// the picture becomes smaller (antialiasing); weights beyond the edge are left out and the others add up to 1. One direction
// after the other, with weights of 22 binary places and values rounded to 8 bits in between: Pillow's method, to the bit.
// Columns go first where the picture loses rows, and more than twice as many as columns (Pillow 13; rows always went first
// before, which makes a difference where values are clipped).
Picture resized(const Picture& picture, std::int64_t width, std::int64_t height, ResizeFilter filter);

// Width and height in proportion, the shorter of which is `edge`; the longer one is rounded down.
std::pair<std::int64_t, std::int64_t> with_shortest_edge(std::int64_t width, std::int64_t height,
                                                         std::int64_t edge);

}  // namespace thaw
