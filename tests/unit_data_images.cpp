// Readers of images: IDX files, plain and gzip, and the built-in digits.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "finetune/data/readers/readers.h"
#include "tests/support/data_files.h"
#include "tests/support/datasets.h"

namespace thaw::test {
namespace {

using std::string_literals::operator""s;

using Idx = DataFiles;

std::string big_endian(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

std::string idx(const std::vector<uint32_t>& sizes, const std::string& values, char type = 8) {
  std::string out{0, 0, type, static_cast<char>(sizes.size())};
  for (uint32_t size : sizes) out += big_endian(size);
  return out + values;
}

// gzip with one stored block, as RFC 1952 and RFC 1951 have it.
std::string gzip(const std::string& content) {
  uint32_t crc = ~0u;
  for (char c : content) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  const auto little_endian = [](uint32_t v, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(v >> 8 * i);
    return out;
  };
  const auto size = static_cast<uint32_t>(content.size());
  return "\x1f\x8b\x08\0\0\0\0\0\0\x03\x01"s + little_endian(size, 2) + little_endian(~size, 2) + content +
         little_endian(~crc, 4) + little_endian(size, 4);
}

const std::string kPixels = "\x00\xff\x33\x00\x00\x00\x00\x00\x66\x00\x00\x00"s;

TEST_F(Idx, ReadsImagesWithTheLabelsBesideThem) {
  write("t-labels-idx1-ubyte", idx({2}, "\x0a\x02"));
  const Dataset d = read("t-images-idx3-ubyte", idx({2, 2, 3}, kPixels));
  EXPECT_EQ(d.sample_shape(), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(d.classes, (Strings{"2", "10"}));
  EXPECT_EQ(d.labels(), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(values_of(d)[1], 1.0f);
  EXPECT_EQ(values_of(d)[2], 0.2f);
  EXPECT_EQ(values_of(d)[8], 0.4f);
  EXPECT_EQ(d.size(), 2);
}

TEST_F(Idx, PredictionNeedsNoLabelsFile) {
  EXPECT_EQ(read("images.idx3-ubyte", idx({2, 2, 3}, kPixels), unlabelled()).size(), 2);
}

TEST_F(Idx, ReadsGzipOrSaysThatTheBuildLacksIt) {
  const std::string images = gzip(idx({2, 2, 3}, kPixels));
  write("t-labels-idx1-ubyte.gz", gzip(idx({2}, "\x01\x02")));
  try {
    EXPECT_EQ(read("t-images-idx3-ubyte.gz", images).labels(), (std::vector<int64_t>{0, 1}));
  } catch (const InputError& error) {
    ASSERT_NE(std::string(error.what()).find("lacks zlib"), std::string::npos) << error.what();
    return;
  }
  std::string damaged = images;
  damaged[35] ^= 1;
  expect_refused("t-images-idx3-ubyte.gz", damaged, {"damaged gzip data", "images-idx3"});
  expect_refused("t-images-idx3-ubyte.gz", "plain", {"not an IDX file"});
  expect_refused("t-images-idx3-ubyte.gz", "", {"ends inside its header"});
  for (size_t size = 0; size < images.size(); ++size) {
    expect_refused("t-images-idx3-ubyte.gz", images.substr(0, size), {"t-images-idx3-ubyte.gz"});
  }
}

TEST_F(Idx, RefusesDamagedFiles) {
  const std::string name = "t-images-idx3-ubyte";
  write("t-labels-idx1-ubyte", idx({2}, "\x01\x02"));
  const std::string good = idx({2, 2, 3}, kPixels);
  for (size_t size = 0; size < good.size(); ++size) {
    expect_refused(name, good.substr(0, size), {"t-images-idx3-ubyte"});
  }
  expect_refused(name, good + "x", {"goes on after its last value"});
  expect_refused(name, "PNG" + good, {"not an IDX file"});
  expect_refused(name, idx({2, 2, 3}, kPixels, 0x0D), {"values of type 13", "only unsigned bytes"});
  expect_refused(name, idx({2}, "\x01\x02"), {"1 dimensions where 3 are wanted"});
  expect_refused(name, idx({0, 2, 3}, ""), {"dimension of size 0"});
  expect_refused(name, idx({~0u, ~0u, ~0u}, kPixels), {"more values than the file can hold"});
  expect_refused(name, idx({1u << 31, 1u << 31, 4}, kPixels), {"more values than the file can hold"});
  expect_refused(name, idx({1, 2, 3}, kPixels.substr(0, 6)), {"1 images", "2 labels", "belong together"});
}

TEST_F(Idx, RefusesBadLabelsFiles) {
  const std::string images = idx({2, 2, 3}, kPixels);
  expect_refused("t-images-idx3-ubyte", images, {"no labels file", "t-labels-idx1-ubyte was looked for"});
  expect_refused("t-idx3-ubyte", images, {"must have \"images\" in it"});
  write("t-labels-idx1-ubyte", images);
  expect_refused("t-images-idx3-ubyte", images, {"3 dimensions where 1 are wanted", "labels-idx1"});
  write("t-labels-idx1-ubyte", idx({2}, "\x01"));
  expect_refused("t-images-idx3-ubyte", images,
                 {"ends inside its labels", "labels-idx1", "2 bytes wanted, 1 there"});
  write("t-labels-idx1-ubyte", idx({2}, "\x01\x02"));
  expect_refused("t-images-idx3-ubyte", images, {"unknown class \"2\"", "labels-idx1-ubyte, image 2"},
                 with_classes({"1"}));
}

TEST(Digits, AreScikitLearns) {
  DataSource source;
  source.path = "builtin:digits";
  const Dataset d = read_dataset(source);
  EXPECT_EQ(d.size(), 1797);
  EXPECT_EQ(d.sample_shape(), (std::vector<int64_t>{1, 8, 8}));
  EXPECT_EQ(d.classes, (Strings{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_EQ(d.class_counts(), (std::vector<int64_t>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}));
  // FNV-1a over load_digits()'s pixels and label, sample by sample.
  uint64_t hash = 0xcbf29ce484222325u;
  for (int64_t row = 0; row < d.size(); ++row) {
    for (int i = 0; i < 64; ++i)
      hash = (hash ^ static_cast<uint64_t>(numbers_of(d).sample(row)[i] * 16)) * 0x100000001b3u;
    hash = (hash ^ static_cast<uint64_t>(d[row].label)) * 0x100000001b3u;
  }
  EXPECT_EQ(hash, 0x776869cce3795967u);
}

TEST(Digits, SelectClasses) {
  DataSource source = with_classes({"7", "3"}, true, true);
  source.path = "builtin:digits";
  const Dataset d = read_dataset(source);
  EXPECT_EQ(d.class_counts(), (std::vector<int64_t>{179, 183}));
  EXPECT_EQ(ids_of(d).front(), 3);
}

}  // namespace
}  // namespace thaw::test
