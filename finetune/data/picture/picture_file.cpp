#include "finetune/data/picture/picture_file.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/picture/libjpeg.h"
#include "finetune/data/picture/libpng.h"
#include "nn/io/files.h"

namespace thaw {
namespace {

constexpr std::array<std::string_view, 18> kPictureEndings = {
    ".png", ".apng", ".jpg", ".jpeg", ".jpe",  ".jfif", ".gif",  ".bmp", ".webp",
    ".tif", ".tiff", ".ppm", ".pgm",  ".heic", ".heif", ".avif", ".jp2", ".jxl"};

enum class PictureKind { png, jpeg };

// By its first bytes.
PictureKind kind_of_picture(std::string_view bytes, const std::string& path) {
  struct Known {
    std::string_view begin, name;
  };
  constexpr std::array<Known, 8> kOthers = {{{"GIF8", "GIF"},
                                             {"BM", "BMP"},
                                             {"II*", "TIFF"},
                                             {"MM", "TIFF"},
                                             {"P5", "PGM"},
                                             {"P6", "PPM"},
                                             {"\xFF\x0A", "JPEG XL"},
                                             {"<svg", "SVG"}}};
  if (bytes.empty()) fail_input("an empty file (", path, "); give a picture, or leave it out");
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return PictureKind::png;
  if (bytes.starts_with("\xFF\xD8\xFF")) return PictureKind::jpeg;
  std::string_view name;
  for (const Known& other : kOthers)
    if (bytes.starts_with(other.begin)) name = other.name;
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) name = "WebP";
  if (bytes.substr(0, 12).substr(std::min<std::size_t>(bytes.size(), 4)).starts_with("ftyp"))
    name = "HEIF or AVIF";
  if (!name.empty())
    fail_input("a picture of the kind ", name, " (", path, "), which is not read; convert it to PNG or JPEG");
  fail_input("not a picture (", path, "): it begins like none; give PNG or JPEG, or leave it out");
}

}  // namespace

bool is_picture_name(const std::string& path) {
  const std::string ending = lower_ascii(std::filesystem::path(path).extension().string());
  return std::find(kPictureEndings.begin(), kPictureEndings.end(), ending) != kPictureEndings.end();
}

std::string read_picture_bytes(const std::string& path) { return read_file(path, kLargestPicture); }

PictureInfo read_picture_info(std::string_view bytes, const std::string& path) {
  return kind_of_picture(bytes, path) == PictureKind::png ? read_png_info(bytes, path)
                                                          : read_jpeg_info(bytes, path);
}

Picture decode_picture(std::string_view bytes, const std::string& path) {
  return kind_of_picture(bytes, path) == PictureKind::png ? decode_png(bytes, path)
                                                          : decode_jpeg(bytes, path);
}

}  // namespace thaw
