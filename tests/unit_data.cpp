// Readers of data sets: what well-formed files give, and that hostile ones end in one clear message.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/data/readers.h"
#include "finetune/data/text.h"

namespace thaw {
namespace {

using Strings = std::vector<std::string>;

// A folder of its own for each test, removed at its end.
class DataFiles : public testing::Test {
 protected:
  DataFiles() {
    std::string folder = (std::filesystem::temp_directory_path() / "thaw-data-XXXXXX").string();
    if (!mkdtemp(folder.data())) ADD_FAILURE() << "no temporary folder";
    folder_ = folder;
  }
  ~DataFiles() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) const {
    std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  Dataset read(const std::string& name, const std::string& content, DataSource source = {}) const {
    source.path = write(name, content);
    return read_dataset(source);
  }

  // The message that reading ends in; it must be a single line that has every fragment.
  void expect_refused(const std::string& name, const std::string& content, const Strings& fragments,
                      DataSource source = {}) const {
    source.path = write(name, content);
    expect_refused(source, fragments);
  }

  static void expect_refused(const DataSource& source, const Strings& fragments) {
    try {
      read_dataset(source);
      ADD_FAILURE() << source.path << " was read; expected: " << fragments.front();
    } catch (const InputError& error) {
      const std::string message = error.what();
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      for (const std::string& fragment : fragments) {
        EXPECT_NE(message.find(fragment), std::string::npos) << fragment << " not in: " << message;
      }
    }
  }

  std::filesystem::path folder_;
};

DataSource labelled(const std::string& label) {
  DataSource source;
  source.label = label;
  return source;
}

DataSource with_classes(const Strings& classes, bool drop = false, bool require = false) {
  DataSource source;
  source.classes = classes;
  source.drop_other_classes = drop;
  source.require_every_class = require;
  return source;
}

DataSource unlabelled(const Strings& columns = {}) {
  DataSource source;
  source.read_labels = false;
  source.columns = columns;
  return source;
}

using Csv = DataFiles;
using Jsonl = DataFiles;
using Idx = DataFiles;
using Source = DataFiles;

TEST_F(Csv, ReadsFeaturesInFileOrderAndClassesByBytes) {
  const Dataset d = read("a.csv", "b,label,a\n1,dog,2.5\n-3e2,cat,+4\n .5 ,dog,0\n");
  EXPECT_EQ(d.size(), 3);
  EXPECT_EQ(d.sample_shape, (std::vector<int64_t>{2}));
  EXPECT_EQ(d.columns, (Strings{"b", "a"}));
  EXPECT_EQ(d.classes, (Strings{"cat", "dog"}));
  EXPECT_EQ(d.x, (std::vector<float>{1, 2.5f, -300, 4, 0.5f, 0}));
  EXPECT_EQ(d.label, (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(d.id, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_TRUE(d.target.empty());
  EXPECT_TRUE(d.group.empty());
}

TEST_F(Csv, OrdersIntegerClassesByValueAndOthersByBytes) {
  EXPECT_EQ(read("a.csv", "x,label\n1,10\n1,9\n1,-2\n").classes, (Strings{"-2", "9", "10"}));
  EXPECT_EQ(read("a.csv", "x,label\n1,10\n1,9\n1,x\n").classes, (Strings{"10", "9", "x"}));
}

TEST_F(Csv, FollowsRfc4180) {
  const Dataset d =
      read("a.csv", "\xEF\xBB\xBF\"x,\"\"1\"\"\",label\r\n\"1\",\"a,b\"\r\n\r\n2,\"c\r\nd\"\r\n3,e\"f");
  EXPECT_EQ(d.columns, (Strings{"x,\"1\""}));
  EXPECT_EQ(d.classes, (Strings{"a,b", "c\r\nd", "e\"f"}));
  EXPECT_EQ(d.x, (std::vector<float>{1, 2, 3}));
}

TEST_F(Csv, ReadsTabs) {
  const Dataset d = read("a.tsv", "x\tlabel\n1\ta,b\n2\t\"c\td\"\n");
  EXPECT_EQ(d.classes, (Strings{"a,b", "c\td"}));
}

TEST_F(Csv, LinesAreCountedThroughQuotedLineEnds) {
  expect_refused("a.csv", "x,label\n1,\"a\nb\"\n\noops,c\n",
                 {"\"oops\"", "a.csv:5:1, row 2", "\"x\"", "not a number"});
}

TEST_F(Csv, ReadsRegressionTargetsAndGroups) {
  DataSource source = labelled("y");
  source.task = Task::kRegression;
  source.group = "who";
  const Dataset d = read("a.csv", "y,who,x\n0.1,ann,1\n-2,bob,2\n", source);
  EXPECT_EQ(d.target, (std::vector<double>{0.1, -2}));
  EXPECT_EQ(d.group, (Strings{"ann", "bob"}));
  EXPECT_EQ(d.columns, (Strings{"x"}));
  EXPECT_TRUE(d.label.empty());
  EXPECT_TRUE(d.classes.empty());
  expect_refused("a.csv", "y,who,x\nten,ann,1\n",
                 {"\"ten\"", "finite number", "a.csv:2, row 1, column \"y\""}, source);
  expect_refused("a.csv", "y,who,x\ninf,ann,1\n", {"\"inf\""}, source);
  expect_refused("a.csv", "y,who,x\n1,,1\n", {"group is missing", "a.csv:2:3, row 1"}, source);
}

TEST_F(Csv, MapsAndSelectsClasses) {
  const std::string text = "x,label\n1,a\n2,b\n3,c\n4,b\n";
  EXPECT_EQ(read("a.csv", text, with_classes({"c", "b", "a"})).label, (std::vector<int64_t>{2, 1, 0, 1}));
  const Dataset d = read("a.csv", text, with_classes({"c", "b"}, true, true));
  EXPECT_EQ(d.label, (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(d.id, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(d.x, (std::vector<float>{2, 3, 4}));
  expect_refused("a.csv", text, {"unknown class \"b\"", "a.csv:3, row 2", "\"a\", \"c\""},
                 with_classes({"a", "c"}));
  expect_refused("a.csv", text, {"\"dog\" has no sample", "a.csv"}, with_classes({"a", "dog"}, true, true));
  expect_refused("a.csv", text, {"no sample is of the classes \"dog\""}, with_classes({"dog"}, true));
  expect_refused("a.csv", text, {"\"a\" is listed twice"}, with_classes({"a", "a"}, true));
}

TEST_F(Csv, PredictionTakesNamedColumnsInOrderAndNeedsNoLabel) {
  EXPECT_EQ(read("a.csv", "id,b,a\nr1,1,2\n", unlabelled({"a", "b"})).x, (std::vector<float>{2, 1}));
  EXPECT_EQ(read("a.csv", "b,label,a\n1,,2\n", unlabelled()).x, (std::vector<float>{1, 2}));
  expect_refused("a.csv", "b\n1\n", {"feature columns \"a\", \"c\"", "a.csv:1"}, unlabelled({"a", "b", "c"}));
}

TEST_F(Csv, OneColumnHasNoEmptyLines) {
  EXPECT_EQ(read("a.csv", "x\n1\n2\n", unlabelled()).size(), 2);
  expect_refused("a.csv", "x\n1\n\n2\n", {"\"x\" is missing", "a.csv:3:1, row 2"}, unlabelled());
}

TEST_F(Csv, RefusesBadFeatures) {
  const auto refuse = [&](const std::string& value, const std::string& what) {
    expect_refused("a.csv", "x,label\n1,a\n" + value + ",b\n",
                   {"feature \"x\" " + what, "a.csv:3:1, row 2", "; write"});
  };
  refuse("", "is missing");
  refuse(" ", "is not a number");
  refuse("abc", "is not a number: \"abc\"");
  refuse("1.2.3", "is not a number");
  refuse("1e", "is not a number");
  refuse("0x10", "is not a number");
  refuse("+-1", "is not a number");
  refuse("\"1,5\"", "is not a number");
  refuse("nan", "is not finite");
  refuse("-inf", "is not finite");
  refuse("1e39", "is too large");
  refuse("1e999", "is not a number");
  refuse("\"a\nb\"", "is not a number: \"a\\nb\"");
  refuse(std::string(500, 'z'), "is not a number: \"zzz");
}

TEST_F(Csv, RefusesBadSyntax) {
  expect_refused("a.csv", "", {"file is empty", "a.csv"});
  expect_refused("a.csv", "\n\n", {"file is empty"});
  expect_refused("a.csv", "x,label\n", {"no rows", "a.csv"});
  expect_refused("a.csv", "x,label\n1,a\n1\n", {"a row of 1 fields in a table of 2 columns", "a.csv:3"});
  expect_refused("a.csv", "x,label\n1,a,\n", {"a row of 3 fields", "a.csv:2"});
  expect_refused("a.csv", "x,x,label\n1,1,a\n", {"two columns are named \"x\"", "columns 1 and 2"});
  expect_refused("a.csv", ",x,label\n0,1,a\n", {"column 1 has no name", "a.csv:1"});
  expect_refused("a.csv", "x,label\n1,\"a\n", {"quote that is never closed", "a.csv:2:3"});
  expect_refused("a.csv", "x,label\n1,\"a\"b\n", {"text after a closing quote", "a.csv:2:6"});
  expect_refused("a.csv", "x,label\r1,a\r", {"carriage return", "a.csv:1:8"});
  expect_refused("a.csv", std::string("x,label\n1,a\0b\n", 13), {"NUL byte", "a.csv:2"});
  expect_refused("a.csv", "x,label\n1,\xFF\xFE\n", {"not UTF-8", "a.csv:2"});
  expect_refused("a.csv", "x,label\n1,\xC0\x80\n", {"not UTF-8"});
  expect_refused("a.csv", "x,label\n1,\xED\xA0\x80\n", {"not UTF-8"});
  expect_refused("a.csv", "x,label\n1,\xE2\x82", {"not UTF-8"});
  expect_refused("a.csv", "x,label\n1," + std::string(2 << 20, 'a') + "\n",
                 {"longer than 1 MiB", "a.csv:2:3"});
  expect_refused("a.csv", "x,label\n1,\n", {"label is missing", "a.csv:2, row 1, column \"label\""});
  expect_refused("a.csv", "label\na\n", {"no feature column", "a.csv:1"});
  expect_refused("a.csv", "x,y,z,w\n1,2,3,4\n",
                 {"no label column \"label\"", "\"x\", \"y\", \"z\", ... (4 in all)"});
}

TEST_F(Csv, EveryTruncationEndsInDataOrAMessage) {
  const std::string text = "\"x\"\"1\",label\r\n1.5,\"a\r\nb\"\r\n2,c\r\n";
  for (size_t size = 0; size < text.size(); ++size) {
    DataSource source;
    source.path = write("cut.csv", text.substr(0, size));
    try {
      EXPECT_GE(read_dataset(source).size(), 1) << size;
    } catch (const InputError&) {
    }
  }
}

TEST_F(Jsonl, ReadsTheSameKeysInAnyOrder) {
  const Dataset d = read(
      "a.jsonl", "{\"x\": 1.5, \"label\": \"b\", \"y\": \"2\"}\r\n\n{\"label\": 7, \"y\": -3, \"x\": 1e2}");
  EXPECT_EQ(d.columns, (Strings{"x", "y"}));
  EXPECT_EQ(d.classes, (Strings{"7", "b"}));
  EXPECT_EQ(d.x, (std::vector<float>{1.5f, 2, 100, -3}));
}

TEST_F(Jsonl, IntegersKeepTheirDigits) {
  DataSource source;
  source.task = Task::kRegression;
  EXPECT_EQ(read("a.jsonl", "{\"x\":1,\"label\":9007199254740993}", source).target[0], 9007199254740993.0);
  EXPECT_EQ(read("a.jsonl", "{\"x\":18446744073709551615,\"label\":1}").x[0], 18446744073709551616.0f);
}

TEST_F(Jsonl, Refuses) {
  const std::string first = "{\"x\":1,\"label\":\"a\"}\n";
  const auto refuse = [&](const std::string& line, const std::string& what) {
    expect_refused("a.jsonl", first + line + "\n", {what, "a.jsonl:2"});
    expect_refused("a.jsonl", line + "\n", {"a.jsonl:1"});
  };
  refuse("{\"x\":1,\"label\":\"a\"", "not JSON from byte");
  refuse("{\"x\":1,\"label\":\"a\"} {}", "not JSON from byte");
  refuse("{\"x\":NaN,\"label\":\"a\"}", "not JSON from byte");
  refuse("{x:1}", "not JSON from byte 2");
  refuse("   ", "not JSON");
  refuse("{\"x\":1e999,\"label\":\"a\"}", "number that is too large");
  refuse("{\"x\":[1],\"label\":\"a\"}", "a list as the value of \"x\"");
  refuse("{\"x\":{\"y\":1},\"label\":\"a\"}", "a nested object as the value of \"x\"");
  refuse("[1,2]", "a line that is a list");
  refuse("3", "a bare value");
  refuse("{\"x\":1,\"x\":2,\"label\":\"a\"}", "\"x\" stands twice");
  refuse("{\"x\":null,\"label\":\"a\"}", "\"x\" is missing");
  refuse("{\"x\":true,\"label\":\"a\"}", "not a number: \"true\"");
  refuse("{\"x\":1,\"label\":null}", "label is missing");
  refuse("{\"x\":1}", "\"label\" is missing");
  refuse("{}", "\"x\" is missing");
  refuse(std::string(100000, '['), "a line that is a list");
  refuse("{\"x\":" + std::string(100000, '['), "a list as the value");
  refuse("{\"x\":\"" + std::string(2 << 20, '1') + "\",\"label\":1}", "longer than 1 MiB");
  expect_refused("a.jsonl", first + "{\"x\":1,\"label\":\"a\",\"z\":1}",
                 {"\"z\" is not in the first line", "a.jsonl:2"});
  expect_refused("a.jsonl", "\n", {"file is empty"});
}

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
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11) + little_endian(size, 2) +
         little_endian(~size, 2) + content + little_endian(~crc, 4) + little_endian(size, 4);
}

const std::string kPixels("\x00\xff\x33\x00\x00\x00\x00\x00\x66\x00\x00\x00", 12);

TEST_F(Idx, ReadsImagesWithTheLabelsBesideThem) {
  write("t-labels-idx1-ubyte", idx({2}, "\x0a\x02"));
  const Dataset d = read("t-images-idx3-ubyte", idx({2, 2, 3}, kPixels));
  EXPECT_EQ(d.sample_shape, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(d.classes, (Strings{"2", "10"}));
  EXPECT_EQ(d.label, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(d.x[1], 1.0f);
  EXPECT_EQ(d.x[2], 0.2f);
  EXPECT_EQ(d.x[8], 0.4f);
  EXPECT_EQ(d.size(), 2);
}

TEST_F(Idx, PredictionNeedsNoLabelsFile) {
  EXPECT_EQ(read("images.idx3-ubyte", idx({2, 2, 3}, kPixels), unlabelled()).size(), 2);
}

TEST_F(Idx, ReadsGzipOrSaysThatTheBuildLacksIt) {
  const std::string images = gzip(idx({2, 2, 3}, kPixels));
  write("t-labels-idx1-ubyte.gz", gzip(idx({2}, "\x01\x02")));
  try {
    EXPECT_EQ(read("t-images-idx3-ubyte.gz", images).label, (std::vector<int64_t>{0, 1}));
  } catch (const InputError& error) {
    ASSERT_NE(std::string(error.what()).find("lacks zlib"), std::string::npos) << error.what();
    return;
  }
  std::string damaged = images;
  damaged[35] ^= 1;
  expect_refused("t-images-idx3-ubyte.gz", damaged, {"damaged gzip data", "images-idx3"});
  expect_refused("t-images-idx3-ubyte.gz", "plain", {"not gzip data"});
  expect_refused("t-images-idx3-ubyte.gz", "", {"not gzip data"});
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
  EXPECT_EQ(d.sample_shape, (std::vector<int64_t>{1, 8, 8}));
  EXPECT_EQ(d.classes, (Strings{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_EQ(d.class_counts(), (std::vector<int64_t>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}));
  // FNV-1a over load_digits()'s pixels and label, sample by sample.
  uint64_t hash = 0xcbf29ce484222325u;
  for (int64_t row = 0; row < d.size(); ++row) {
    for (int i = 0; i < 64; ++i)
      hash = (hash ^ static_cast<uint64_t>(d.sample(row)[i] * 16)) * 0x100000001b3u;
    hash = (hash ^ static_cast<uint64_t>(d.label[row])) * 0x100000001b3u;
  }
  EXPECT_EQ(hash, 0x776869cce3795967u);
}

TEST(Digits, SelectClasses) {
  DataSource source = with_classes({"7", "3"}, true, true);
  source.path = "builtin:digits";
  const Dataset d = read_dataset(source);
  EXPECT_EQ(d.class_counts(), (std::vector<int64_t>{179, 183}));
  EXPECT_EQ(d.id.front(), 3);
}

TEST_F(Source, RefusesWhatCannotBeRead) {
  const auto refuse = [&](const std::string& path, const Strings& fragments) {
    DataSource source;
    source.path = path;
    expect_refused(source, fragments);
  };
  refuse(folder_ / "none.csv", {"no such file", "none.csv"});
  refuse(folder_ / (std::string(5000, 'a') + ".csv"), {"no such file"});
  refuse(folder_, {"not in this version"});
  refuse("builtin:faces", {"no built-in data set \"faces\"", "builtin:digits"});
  refuse(write("a.xlsx", "x"), {"unknown kind of data file", "a.xlsx", ".csv"});
  std::filesystem::create_symlink("/dev/zero", folder_ / "zero.csv");
  refuse(folder_ / "zero.csv", {"not a regular file"});

  DataSource text;
  text.path = "a.csv";
  text.text = "sentence";
  expect_refused(text, {"text data is not in this version"});
  DataSource grouped;
  grouped.path = "builtin:digits";
  grouped.group = "writer";
  expect_refused(grouped, {"images have no columns", "data.group = \"writer\""});
  DataSource same = labelled("y");
  same.group = "y";
  expect_refused("a.csv", "x,y\n1,a\n", {"label and the group are one column"}, same);
}

TEST(Text, QuotesOnOneLineAndCutsBetweenCharacters) {
  EXPECT_EQ(in_quotes("a\tb\x01"), "\"a\\tb?\"");
  EXPECT_EQ(in_quotes(std::string(59, 'a') + "\xC3\xA9tail"), "\"" + std::string(59, 'a') + "...\"");
}

}  // namespace
}  // namespace thaw
