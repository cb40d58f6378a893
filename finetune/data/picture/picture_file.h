// Picture files: what they are, and their pixels. PNG takes a build with libpng, JPEG one with libjpeg; every other kind is
// refused by its name.
//
// Files come from elsewhere: InputError, in one line with the path, for one that is missing, no regular file, empty,
// damaged, shorter than it says, larger than kLargestPicture or kMostPixels, or no picture.
//
// What a model sees of a file:
//   - transparency is dropped: a pixel has its own colour, however transparent it is, as in Pillow's convert("RGB");
//   - 16 bits a value: the upper 8; 1, 2, 4 bits of grey: spread over 0 to 255; palettes: their colours;
//   - EXIF's orientation (JPEG, and PNG's eXIf) is applied; gamma, colour profiles and all else that a file says are not;
//   - JPEG of four components (CMYK) is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "finetune/data/picture/picture.h"

namespace thaw {

struct PictureInfo {
  std::int64_t width = 0, height = 0;  // as it is seen
  bool is_grey = false;
  bool has_alpha = false;
  bool has_16_bits = false;  // a value
  int orientation = 1;       // EXIF's; 1: as it is stored
};

inline constexpr std::int64_t kLargestPicture = std::int64_t{1} << 28;  // bytes of a file

// Whether a name ends as picture files do, of a kind that is read or not.
bool is_picture_name(const std::string& path);

// The bytes of a picture file. The path of the functions below is for messages alone.
std::string read_picture_bytes(const std::string& path);
// From the header alone.
PictureInfo read_picture_info(std::string_view bytes, const std::string& path);
// Grey or colour, as the file has it.
Picture decode_picture(std::string_view bytes, const std::string& path);

}  // namespace thaw
