#include "tests/support/picture_folder.h"

#include <algorithm>
#include <filesystem>
#include <random>

#include "core/error.h"
#include "finetune/data/picture/picture_file.h"

namespace thaw::test {
namespace {

using std::string_literals::operator""s;

// zlib's form of bytes that are not compressed (RFC 1950, 1951).
std::string stored(const std::string& bytes) {
  std::string out = "\x78\x01"s;
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  for (std::size_t at = 0; at == 0 || at < bytes.size(); at += 65535) {
    const std::string block = bytes.substr(at, 65535);
    const auto size = static_cast<std::uint16_t>(block.size());
    out += at + 65535 >= bytes.size() ? '\1' : '\0';
    for (const int half : {size + 0, size ^ 0xFFFF})
      out += {static_cast<char>(half), static_cast<char>(half >> 8)};
    out += block;
  }
  return out + big_endian(b << 16 | a);
}

}  // namespace

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

bool reads_pictures() {
  try {
    read_picture_info(plain_png(1, 1, {0}), "a.png");
    read_picture_info(file_text(THAW_SOURCE_DIR "/tests/golden/pictures/grey.jpg"), "a.jpg");
    return true;
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("needs a build with lib"), std::string::npos) << message;
    return false;
  }
}

std::string png_chunk(const std::string& type_and_data) {
  std::uint32_t crc = 0xFFFFFFFF;  // of ISO 3309, as PNG has it
  for (const char c : type_and_data) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320U : 0U);
  }
  return big_endian(static_cast<std::uint32_t>(type_and_data.size() - 4)) + type_and_data + big_endian(~crc);
}

std::string png_bytes(std::int64_t width, std::int64_t height, int channels,
                      const std::vector<std::uint8_t>& pixels) {
  constexpr char kColorTypes[] = {0, 0, 4, 2, 6};
  std::string rows;
  for (std::int64_t y = 0; y < height; ++y) {
    rows += '\0';  // no filter
    const auto* row = reinterpret_cast<const char*>(pixels.data()) + y * width * channels;
    rows.append(row, static_cast<std::size_t>(width * channels));
  }
  const std::string kind{'\x08', kColorTypes[channels], '\0', '\0', '\0'};
  return "\x89PNG\r\n\x1A\n" +
         png_chunk("IHDR" + big_endian(static_cast<std::uint32_t>(width)) +
                   big_endian(static_cast<std::uint32_t>(height)) + kind) +
         png_chunk("IDAT" + stored(rows)) + png_chunk("IEND");
}

std::string plain_png(std::int64_t width, std::int64_t height, const std::vector<std::uint8_t>& color) {
  std::vector<std::uint8_t> pixels;
  for (std::int64_t i = 0; i < width * height; ++i) pixels.insert(pixels.end(), color.begin(), color.end());
  return png_bytes(width, height, static_cast<int>(color.size()), pixels);
}

void write_stripes(const TemporaryFolder& folder, const std::string& name, int count, unsigned seed) {
  std::mt19937 random(seed);
  for (const bool across : {true, false}) {
    const std::string kind = name + (across ? "/across" : "/down");
    std::filesystem::create_directories(folder.path(kind));
    for (int i = 0; i < count; ++i) {
      const int width = 12 + static_cast<int>(random() % 9), height = 12 + static_cast<int>(random() % 9);
      std::vector<std::uint8_t> pixels;
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
          for (int c = 0; c < 3; ++c)
            pixels.push_back(
                static_cast<std::uint8_t>(((across ? y : x) / 3 % 2 == 0 ? 40 : 180) + random() % 60));
      folder.write(kind + "/" + std::to_string(i) + ".png", png_bytes(width, height, 3, pixels));
    }
  }
}

}  // namespace thaw::test
