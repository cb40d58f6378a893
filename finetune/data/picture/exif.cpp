#include "finetune/data/picture/exif.h"

#include <cstddef>
#include <cstdint>

namespace thaw {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kExif = "Exif\0\0"sv;
constexpr std::uint32_t kOrientation = 0x0112, kShort = 3, kLong = 4;
constexpr std::size_t kEntryBytes = 12;

// Numbers of either byte order; beyond the end all bytes are 0.
class Tiff {
 public:
  Tiff(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  std::uint32_t number(std::size_t at, std::size_t size) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t place = at + (big_endian_ ? i : size - 1 - i);
      value = value << 8 | (place < bytes_.size() ? static_cast<unsigned char>(bytes_[place]) : 0U);
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

}  // namespace

int exif_orientation(std::string_view exif) {
  if (!exif.starts_with("II") && !exif.starts_with("MM")) return 1;
  const Tiff tiff(exif, exif[0] == 'M');
  if (tiff.number(2, 2) != 42) return 1;
  const std::size_t directory = tiff.number(4, 4);
  const std::uint32_t entries = tiff.number(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > exif.size()) return 1;
    const std::uint32_t type = tiff.number(entry + 2, 2);
    if (tiff.number(entry, 2) != kOrientation || (type != kShort && type != kLong)) continue;
    const std::uint32_t value = tiff.number(entry + 8, type == kShort ? 2 : 4);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

int exif_orientation_of_app1(std::string_view app1) {
  return app1.starts_with(kExif) ? exif_orientation(app1.substr(kExif.size())) : 1;
}

}  // namespace thaw
