#include "finetune/data/picture/picture.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/error.h"

namespace thaw {
namespace {

// Where EXIF's orientations take a pixel from, in steps of the stored picture.
struct Turn {
  bool swaps, mirrors_x, mirrors_y;  // of the seen picture's x and y, after they changed places
};
constexpr Turn kTurns[] = {
    {false, false, false},  // 1
    {false, true, false},   // 2
    {false, true, true},    // 3
    {false, false, true},   // 4
    {true, false, false},   // 5
    {true, false, true},    // 6
    {true, true, true},     // 7
    {true, true, false},    // 8
};

}  // namespace

Picture black_picture(std::int64_t width, std::int64_t height, std::int64_t channels) {
  return {width, height, channels,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * channels))};
}

void check_picture_size(std::int64_t width, std::int64_t height, const std::string& path) {
  if (width < 1 || height < 1)
    fail_input("a picture of ", width, " x ", height, " pixels (", path, "); give one that has some");
  if (width > kMostPixels / height)
    fail_input("a picture of ", width, " x ", height, " pixels (", path, "); at most ", kMostPixels,
               " are taken: make it smaller");
}

Picture with_channels(Picture picture, std::int64_t channels) {
  assert(channels == 1 || channels == 3);
  if (picture.channels == channels) return picture;
  Picture out = black_picture(picture.width, picture.height, channels);
  const std::int64_t count = picture.width * picture.height;
  const std::uint8_t* from = picture.pixels.data();
  std::uint8_t* to = out.pixels.data();
  if (channels == 3) {
    for (std::int64_t i = 0; i < count; ++i, to += 3) std::fill_n(to, 3, from[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i, from += 3)
      to[i] =
          static_cast<std::uint8_t>((19595U * from[0] + 38470U * from[1] + 7471U * from[2] + 0x8000U) >> 16);
  }
  return out;
}

Picture turned(Picture picture, int orientation) {
  assert(orientation >= 1 && orientation <= 8);
  if (orientation == 1) return picture;
  const Turn turn = kTurns[orientation - 1];
  Picture out = turn.swaps ? black_picture(picture.height, picture.width, picture.channels)
                           : black_picture(picture.width, picture.height, picture.channels);
  std::uint8_t* to = out.pixels.data();
  for (std::int64_t y = 0; y < out.height; ++y)
    for (std::int64_t x = 0; x < out.width; ++x, to += out.channels) {
      std::int64_t from_x = turn.swaps ? y : x, from_y = turn.swaps ? x : y;
      if (turn.mirrors_x) from_x = picture.width - 1 - from_x;
      if (turn.mirrors_y) from_y = picture.height - 1 - from_y;
      std::copy_n(picture.row(from_y) + from_x * picture.channels, picture.channels, to);
    }
  return out;
}

Picture mirrored(const Picture& picture) { return turned(picture, 2); }

Picture window(const Picture& picture, std::int64_t left, std::int64_t top, std::int64_t width,
               std::int64_t height) {
  Picture out = black_picture(width, height, picture.channels);
  const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, width);
  const std::int64_t end = std::clamp<std::int64_t>(picture.width - left, begin, width);
  for (std::int64_t y = 0; y < height; ++y) {
    if (y + top < 0 || y + top >= picture.height) continue;
    std::copy_n(picture.row(y + top) + (begin + left) * picture.channels, (end - begin) * picture.channels,
                out.row(y) + begin * picture.channels);
  }
  return out;
}

Picture centre_crop(const Picture& picture, std::int64_t width, std::int64_t height) {
  // A whole pixel that cannot be halved goes to the right and the bottom of a crop, but to the left and the top of black.
  const auto margin = [](std::int64_t has, std::int64_t wants) {
    return has >= wants ? (has - wants) / 2 : -((wants - has + 1) / 2);
  };
  return window(picture, margin(picture.width, width), margin(picture.height, height), width, height);
}

}  // namespace thaw
