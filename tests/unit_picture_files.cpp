// Picture files, as Pillow reads and resizes them, and files that are none.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "finetune/data/picture/exif.h"
#include "finetune/data/picture/picture_file.h"
#include "finetune/data/picture/resize.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/picture_folder.h"

namespace thaw::test {
namespace {

using std::string_literals::operator""s;

using nlohmann::json;

using PictureFiles = PictureTest;

const std::string kFolder = THAW_SOURCE_DIR "/tests/golden/pictures/";

const json& golden() {
  static const json all = json::parse(file_text(kFolder + "pictures.json"));
  return all;
}

Picture decoded(const std::string& name) { return decode_picture(file_text(kFolder + name), name); }

int largest_difference(const Picture& picture, const json& pixels) {
  if (picture.pixels.size() != pixels.size()) return 999;
  int most = 0;
  for (std::size_t i = 0; i < pixels.size(); ++i)
    most = std::max(most, std::abs(picture.pixels[i] - pixels[i].get<int>()));
  return most;
}

std::string png_of_size(std::uint32_t width, std::uint32_t height) {
  return "\x89PNG\r\n\x1A\n" +
         png_chunk("IHDR" + big_endian(width) + big_endian(height) + "\x08\x02\0\0\0"s) +
         png_chunk("IDAT" + std::string(20, 'x')) + png_chunk("IEND");
}

std::string refusal_of(const std::string& bytes) {
  const std::string message = message_of<InputError>([&] { decode_picture(bytes, "a.png"); });
  EXPECT_NE(message.find("a.png"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message;
}

TEST_F(PictureFiles, EveryKindIsAsPillowReadsIt) {
  for (const auto& [name, expected] : golden()["files"].items()) {
    const Picture picture = decoded(name);
    EXPECT_EQ(json({picture.width, picture.height}), expected["size"]) << name;
    EXPECT_LE(largest_difference(with_channels(picture, 3), expected["rgb"]), 1) << name;
    EXPECT_LE(largest_difference(with_channels(picture, 1), expected["l"]), 1) << name;
    const PictureInfo info = read_picture_info(file_text(kFolder + name), name);
    EXPECT_EQ(json({info.width, info.height}), expected["size"]) << name;
    EXPECT_EQ(info.is_grey, name.starts_with("grey") || name.starts_with("bits")) << name;
    EXPECT_FALSE(info.has_16_bits) << name;
    EXPECT_EQ(info.has_alpha, name.find("alpha") != std::string::npos || name == "palette_clear.png") << name;
  }
}

TEST_F(PictureFiles, OfSixteenBitsTheUpperEightCount) {
  const Picture picture = decoded("sixteen.png");
  ASSERT_EQ(picture.pixels.size(), 20U);
  EXPECT_TRUE(read_picture_info(file_text(kFolder + "sixteen.png"), "sixteen.png").has_16_bits);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(picture.pixels[static_cast<std::size_t>(i)], i * 3000 / 256);
}

TEST_F(PictureFiles, ResizingIsPillows) {
  for (const json& expected : golden()["resized"]) {
    const auto filter = expected["filter"] == "bilinear" ? ResizeFilter::bilinear : ResizeFilter::bicubic;
    const Picture picture = resized(with_channels(decoded(expected["file"]), 3), expected["size"][0],
                                    expected["size"][1], filter);
    const int limit = expected["file"] == "color.jpg" ? 1 : 0;  // its own pixels are another library's
    EXPECT_LE(largest_difference(picture, expected["rgb"]), limit) << expected.dump().substr(0, 90);
  }
}

TEST_F(PictureFiles, ShortestEdgesKeepProportions) {
  EXPECT_EQ(with_shortest_edge(300, 200, 100), (std::pair<std::int64_t, std::int64_t>{150, 100}));
  EXPECT_EQ(with_shortest_edge(200, 301, 100), (std::pair<std::int64_t, std::int64_t>{100, 150}));
  EXPECT_EQ(with_shortest_edge(7, 7, 3), (std::pair<std::int64_t, std::int64_t>{3, 3}));
}

TEST_F(PictureFiles, TheMiddleIsTransformersOwn) {
  Picture picture = black_picture(4, 3, 1);
  for (std::size_t i = 0; i < 12; ++i) picture.pixels[i] = static_cast<std::uint8_t>(i + 1);
  EXPECT_EQ(centre_crop(picture, 2, 2).pixels, (std::vector<std::uint8_t>{2, 3, 6, 7}));
  EXPECT_EQ(centre_crop(picture, 1, 1).pixels, (std::vector<std::uint8_t>{6}));
  EXPECT_EQ(centre_crop(picture, 5, 1).pixels, (std::vector<std::uint8_t>{0, 5, 6, 7, 8}))
      << "black on the left first";
  EXPECT_EQ(centre_crop(picture, 1, 6).pixels, (std::vector<std::uint8_t>{0, 0, 2, 6, 10, 0}));
}

TEST_F(PictureFiles, WhatIsNoPictureIsRefusedByWhatItIs) {
  expect_has(refusal_of(""), "an empty file");
  expect_has(refusal_of("These are words."), "not a picture");
  expect_has(refusal_of("GIF89a...."), "of the kind GIF");
  expect_has(refusal_of("RIFF\1\1\1\1WEBPVP8 "), "of the kind WebP");
  expect_has(refusal_of(file_text(kFolder + "cmyk.jpg")), "CMYK");
  const TemporaryFolder folder;
  expect_has(message_of<InputError>([&] { read_picture_bytes(folder.path("gone.png")); }), "gone.png");
  ASSERT_EQ(mkfifo(folder.path("pipe.png").c_str(), 0600), 0);
  expect_has(message_of<InputError>([&] { read_picture_bytes(folder.path("pipe.png")); }), "pipe.png");
  EXPECT_TRUE(is_picture_name("A/B.JPeG"));
  EXPECT_TRUE(is_picture_name("b.webp")) << "so that it is refused, not left out";
  EXPECT_FALSE(is_picture_name("b.txt"));
}

TEST_F(PictureFiles, SizesAreCheckedBeforeMemoryIsTaken) {
  expect_has(refusal_of(png_of_size(2'000'000'000, 2'000'000'000)), "at most");
  expect_has(refusal_of(png_of_size(1 << 14, 1 << 13)), "at most");
  expect_has(refusal_of(png_of_size(8192, 8192)), "claims more pixels than the file can hold");
  expect_has(refusal_of(png_of_size(0, 5)), "damaged PNG");
}

TEST_F(PictureFiles, NoFrontOfAFileIsTaken) {
  for (const auto& [name, expected] : golden()["files"].items()) {
    const std::string whole = file_text(kFolder + name);
    for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 200)
      EXPECT_THROW(decode_picture(whole.substr(0, size), name), InputError) << name << " " << size;
    EXPECT_THROW(decode_picture(whole.substr(0, whole.size() - 1), name), InputError) << name;
  }
}

// Whatever stands in a file: a picture of the size that the header says, or one line.
TEST_F(PictureFiles, MutatedFilesAreReadOrRefused) {
  std::mt19937 random(11);
  std::vector<std::string> files;
  for (const auto& [name, expected] : golden()["files"].items()) files.push_back(file_text(kFolder + name));
  int read = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string bytes = files[random() % files.size()];
    for (unsigned change = 0; change <= random() % 4; ++change) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
          break;
        case 2:
          bytes.erase(at, 1 + random() % 8);
          break;
        case 3:
          bytes.insert(at, files[random() % files.size()].substr(0, random() % 64));
          break;
      }
      if (bytes.empty()) bytes = "x";
    }
    try {
      const PictureInfo info = read_picture_info(bytes, "mutated");
      const Picture picture = decode_picture(bytes, "mutated");
      EXPECT_EQ(picture.width, info.width);
      EXPECT_EQ(picture.height, info.height);
      EXPECT_EQ(static_cast<std::int64_t>(picture.pixels.size()),
                picture.width * picture.height * picture.channels);
      ++read;
    } catch (const InputError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(read, 100) << "most mutations of JPEG's data leave a picture";
}

TEST_F(PictureFiles, OrientationsAreFoundOrThereIsNone) {
  const std::string entry = "\x01\x12\0\3\0\0\0\1\0\6\0\0"s;
  const std::string head = "Exif\0\0MM\0*\0\0\0\10"s;
  EXPECT_EQ(exif_orientation_of_app1(head + "\0\1"s + entry), 6);
  EXPECT_EQ(exif_orientation_of_app1(head + "\xFF\xFF"s + entry), 6);
  EXPECT_EQ(exif_orientation_of_app1(head + "\0\1"s + entry.substr(0, 11)), 1) << "an entry that ends early";
  EXPECT_EQ(exif_orientation_of_app1(head), 1);
  EXPECT_EQ(exif_orientation_of_app1("Exif\0\0MM\0*\xFF\xFF\xFF\xFF"s + entry), 1);
  EXPECT_EQ(exif_orientation_of_app1("Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\10\0\0\0"s), 8);
  EXPECT_EQ(exif_orientation_of_app1("Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\11\0\0\0"s), 1);
}

// As Pillow's ImageOps.exif_transpose(); the chunk may stand before or behind the pixels.
TEST_F(PictureFiles, APngIsTurnedAsItsExifSays) {
  const std::string whole = png_bytes(2, 1, 1, {10, 20});
  const std::string exif = png_chunk("eXIfMM\0*\0\0\0\10\0\1\x01\x12\0\4\0\0\0\1\0\0\0\6"s);
  for (const char* before : {"IDAT", "IEND"}) {
    std::string turned = whole;
    turned.insert(whole.find(before) - 4, exif);
    const PictureInfo info = read_picture_info(turned, "a.png");
    EXPECT_EQ(info.width, 1);
    EXPECT_EQ(info.height, 2);
    EXPECT_EQ(decode_picture(turned, "a.png").pixels, (std::vector<std::uint8_t>{10, 20})) << before;
  }
}

// Before training, not in its middle.
TEST_F(PictureFiles, WhatWasCutOffIsSeenWithoutDecoding) {
  const auto refusal = [](const std::string& bytes) {
    return message_of<InputError>([&] { read_picture_info(bytes, "a picture"); });
  };
  const std::string png = plain_png(40, 30, {1, 2, 3}),
                    jpeg = file_text(THAW_SOURCE_DIR "/tests/golden/pictures/grey.jpg");
  EXPECT_EQ(refusal(png.substr(0, png.size() - 12)),
            "a damaged PNG (a picture): it ends too early; get the whole file");
  EXPECT_EQ(refusal(jpeg.substr(0, jpeg.size() - 2)),
            "a damaged JPEG (a picture): it ends too early; get the whole file");
  EXPECT_EQ(read_picture_info(png + "more", "a picture").width, 40);
}

}  // namespace
}  // namespace thaw::test
