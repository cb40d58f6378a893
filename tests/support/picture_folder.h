// Picture files of tests, and folders of them that a small network can tell apart.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/files.h"

namespace thaw::test {

// Whether thaw was built with libpng and libjpeg; without one its refusal must say so.
bool reads_pictures();

struct PictureTest : ::testing::Test {
  void SetUp() override {
    if (!reads_pictures()) GTEST_SKIP() << "a build without libpng or libjpeg";
  }
};

// A PNG of 8 bits a value; channels 1 to 4: grey, with alpha, colour, with alpha. `pixels` [height, width, channels].
std::string png_bytes(std::int64_t width, std::int64_t height, int channels,
                      const std::vector<std::uint8_t>& pixels);
// Of one colour.
std::string plain_png(std::int64_t width, std::int64_t height, const std::vector<std::uint8_t>& color);

std::string big_endian(std::uint32_t value);
// A chunk of PNG: its length, type and data, and their checksum.
std::string png_chunk(const std::string& type_and_data);

// Writes NAME/across and NAME/down: `count` colour pictures each, of stripes across or down in noise, 12 to 20 pixels wide
// and high.
void write_stripes(const TemporaryFolder& folder, const std::string& name, int count, unsigned seed);

}  // namespace thaw::test
