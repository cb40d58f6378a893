// A picture in memory, 8 bits a value, and the changes that keep its values: turned, cropped, grey to colour and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace thaw {

struct Picture {
  std::int64_t width = 0, height = 0;
  std::int64_t channels = 0;         // 1: grey; 3: red, green, blue
  std::vector<std::uint8_t> pixels;  // [height, width, channels], row-major

  const std::uint8_t* row(std::int64_t y) const { return pixels.data() + y * width * channels; }
  std::uint8_t* row(std::int64_t y) { return pixels.data() + y * width * channels; }
};

// All zero: black.
Picture black_picture(std::int64_t width, std::int64_t height, std::int64_t channels);

// 8192 x 8192; what a file may hold, and what resizing may make of it.
inline constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;
// InputError beyond that, before memory is taken. `path` names the file.
void check_picture_size(std::int64_t width, std::int64_t height, const std::string& path);

// Colour to grey by ITU-R 601-2: (19595 R + 38470 G + 7471 B + 2^15) / 2^16, as Pillow's convert("L"); grey to colour
// repeats it.
Picture with_channels(Picture picture, std::int64_t channels);

// As EXIF's orientation says that a stored picture is to be seen, like Pillow's exif_transpose: 1 as it stands, 3 upside
// down, 6 a quarter turn to the right, 8 to the left; 2, 4, 5 and 7 are these mirrored.
Picture turned(Picture picture, int orientation);
inline bool swaps_sides(int orientation) { return orientation >= 5; }

// Mirrored left to right.
Picture mirrored(const Picture& picture);

// The part of this size that begins at (left, top), which may lie outside: what is beyond the picture is black.
Picture window(const Picture& picture, std::int64_t left, std::int64_t top, std::int64_t width,
               std::int64_t height);
// The middle; where the picture is smaller it stands in the middle of black, as in transformers' center_crop.
Picture centre_crop(const Picture& picture, std::int64_t width, std::int64_t height);

}  // namespace thaw
