// Safetensors files as they should be: what is written is read back, in the reference writer's bytes.
#include "nn/io/safetensors.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ops.h"
#include "tests/support/compare.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using std::string_literals::operator""s;

namespace fs = std::filesystem;

class Safetensors : public ::testing::Test {
 protected:
  // A file whose header is `json`, whatever it says.
  void write_raw(const std::string& json, const std::string& data) const {
    const std::uint64_t length = json.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    atomic_write(path_, bytes + json + data);
  }
  std::string bytes_of_file() const { return read_file(path_, 1 << 20); }

  TemporaryFolder folder_;
  std::string path_ = folder_.path("model.safetensors");
};

TEST_F(Safetensors, EveryDTypeComesBackBitForBit) {
  const DType dtypes[] = {DType::f32, DType::f64, DType::bf16,   DType::i64,
                          DType::i32, DType::u8,  DType::boolean};
  NamedTensors saved;
  for (const DType dtype : dtypes) {
    saved.emplace_back(dtype_name(dtype), from_vector({0, 1, 1, 0, 1, 0}, {2, 3}, {dtype}));
  }
  save_safetensors(path_, saved);
  const SafetensorsFile file(path_);
  ASSERT_EQ(file.entries().size(), saved.size());
  for (const auto& [name, tensor] : saved) {
    const Tensor loaded = file.load(name);
    EXPECT_EQ(loaded.dtype(), tensor.dtype());
    EXPECT_EQ(loaded.shape(), tensor.shape());
    EXPECT_TRUE(same_bits(loaded, tensor)) << name;
  }
}

TEST_F(Safetensors, NonFiniteAndExtremeValuesAreKept) {
  const float values[] = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(),
                          -0.0F, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max()};
  const Tensor tensor = from_data(values, {5});
  save_safetensors(path_, {{"x", tensor}});
  EXPECT_TRUE(same_bits(SafetensorsFile(path_).load("x"), tensor));
}

TEST_F(Safetensors, EmptyAndScalarTensors) {
  save_safetensors(path_, {{"none", zeros({0})}, {"flat", zeros({3, 0, 2})}, {"scalar", full({}, 2.5)}});
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.load("none").shape(), Shape({0}));
  EXPECT_EQ(file.load("flat").shape(), Shape({3, 0, 2}));
  EXPECT_EQ(file.load("scalar").rank(), 0);
  EXPECT_EQ(file.load("scalar").item(), 2.5);
}

TEST_F(Safetensors, AFileWithoutTensors) {
  save_safetensors(path_, {});
  EXPECT_TRUE(SafetensorsFile(path_).entries().empty());
  EXPECT_EQ(bytes_of_file(), "\x08\0\0\0\0\0\0\0{}      "s);
}

TEST_F(Safetensors, TheBytesAreTheReferenceWriters) {
  save_safetensors(path_, {{"b", ones({1})}, {"a", zeros({1})}, {"n", zeros({}, {DType::i64})}},
                   {{"format", "pt"}});
  const std::string json = R"({"__metadata__":{"format":"pt"},)"
                           R"("n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                           R"("a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                           R"("b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})";
  const std::string padded = json + std::string((8 - json.size() % 8) % 8, ' ');
  std::string expected(8, '\0');
  expected[0] = static_cast<char>(padded.size());
  expected += padded + std::string(12, '\0') + "\0\0\x80\x3f"s;
  EXPECT_EQ(bytes_of_file(), expected);
}

TEST_F(Safetensors, NamesAndMetadataInAnyScript) {
  const std::string names[] = {"слой.0.вес", "層/0", "😀", "a\"b\\c", "tab\there", "nul\0!"s, ""};
  NamedTensors saved;
  for (const std::string& name : names)
    saved.emplace_back(name, full({1}, static_cast<double>(saved.size())));
  const std::map<std::string, std::string> metadata{{"note", "line\nbreak é"}, {"", "empty key"}};
  save_safetensors(path_, saved, metadata);
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.metadata(), metadata);
  for (const auto& [name, tensor] : saved) EXPECT_EQ(file.load(name).item(), tensor.item()) << name;
}

TEST_F(Safetensors, EntriesSayWhatTheFileHolds) {
  save_safetensors(path_, {{"u", zeros({3}, {DType::u8})}, {"w", zeros({2, 4})}});
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.path(), path_);
  ASSERT_EQ(file.entries().size(), 2u);
  const SafetensorsEntry& w = file.entries()[0];
  EXPECT_EQ(w.name, "w");
  EXPECT_EQ(w.dtype, "F32");
  EXPECT_EQ(w.shape, (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(w.begin, 0);
  EXPECT_EQ(w.end, 32);
  EXPECT_EQ(file.find("u")->begin, 32);
  EXPECT_FALSE(file.contains("v"));
  EXPECT_EQ(file.find("v"), nullptr);
}

TEST_F(Safetensors, TensorsThatAreViewsAreWrittenRowMajor) {
  const Tensor base = arange(6, {DType::f32}).reshape({2, 3});
  save_safetensors(path_, {{"t", base.transpose(0, 1)}});
  EXPECT_EQ(SafetensorsFile(path_).load("t").to_vector(), (std::vector<double>{0, 3, 1, 4, 2, 5}));
}

TEST_F(Safetensors, TiedTensorsAreWrittenUnderEachName) {
  const Tensor weight = arange(4, {DType::f32});
  save_safetensors(path_, {{"embed", weight}, {"head", weight}});
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.load("embed").to_vector(), weight.to_vector());
  EXPECT_EQ(file.load("head").to_vector(), weight.to_vector());
}

TEST_F(Safetensors, ParametersAreSavedWithoutTheirGradients) {
  Tensor weight = ones({2});
  weight.set_requires_grad();
  save_safetensors(path_, {{"w", weight}});
  EXPECT_FALSE(SafetensorsFile(path_).load("w").requires_grad());
}

TEST_F(Safetensors, SavingOverTheFileThatIsOpen) {
  save_safetensors(path_, {{"w", full({1000}, 1)}});
  const SafetensorsFile before(path_);
  save_safetensors(path_, {{"w", full({10}, 2)}});
  EXPECT_EQ(before.load("w").to_vector(), std::vector<double>(1000, 1));
  EXPECT_EQ(SafetensorsFile(path_).load("w").to_vector(), std::vector<double>(10, 2));
}

TEST_F(Safetensors, AFileThatShrankAfterOpeningIsAnError) {
  save_safetensors(path_, {{"w", full({1000}, 1)}});
  const SafetensorsFile file(path_);
  fs::resize_file(path_, 2000);
  expect_worded(message_of([&] { file.load("w"); }));
}

TEST_F(Safetensors, LoadAsConverts) {
  save_safetensors(path_, {{"b", from_vector({1, -2.5}, {2}, {DType::bf16})},
                           {"d", from_vector({0.1}, {1}, {DType::f64})}});
  const SafetensorsFile file(path_);
  const Tensor widened = file.load_as("b", DType::f32);
  EXPECT_EQ(widened.dtype(), DType::f32);
  EXPECT_EQ(widened.to_vector(), (std::vector<double>{1, -2.5}));
  EXPECT_EQ(file.load_as("d", DType::f32).to_vector(), std::vector<double>{0.1F});
}

// Every one of the 65,536 halves against arithmetic: sign, fraction and power of two by IEEE 754's
// definition.
TEST_F(Safetensors, HalvesAreWidenedExactly) {
  std::vector<std::uint16_t> halves(1 << 16);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  write_raw(R"({"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}})",
            {reinterpret_cast<const char*>(halves.data()), 2 * halves.size()});
  const Tensor loaded = SafetensorsFile(path_).load("h");
  ASSERT_EQ(loaded.dtype(), DType::f32);
  const float* values = loaded.data<float>();
  for (const std::uint16_t half : halves) {
    const int exponent = half >> 10 & 31;
    const int fraction = half & 1023;
    const float value = values[half];
    ASSERT_EQ(std::signbit(value), half >> 15 != 0) << half;
    if (exponent == 31) {
      ASSERT_EQ(std::isnan(value), fraction != 0) << half;
      ASSERT_EQ(std::isinf(value), fraction == 0) << half;
    } else {
      const double magnitude =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      ASSERT_EQ(std::fabs(value), magnitude) << half;
    }
  }
}

TEST_F(Safetensors, DTypesThatAreKnownButNotLoadable) {
  const std::pair<const char*, int> dtypes[] = {
      {"I8", 1},      {"I16", 2},     {"U16", 2},         {"U32", 4},         {"U64", 8},    {"C64", 8},
      {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E4M3FNUZ", 1}, {"F8_E5M2FNUZ", 1}, {"F8_E8M0", 1}};
  for (const auto& [dtype, bytes] : dtypes) {
    write_raw(concat("{\"x\":{\"dtype\":\"", dtype, "\",\"shape\":[1],\"data_offsets\":[0,", bytes, "]}}"),
              std::string(static_cast<std::size_t>(bytes), '\0'));
    const SafetensorsFile file(path_);
    EXPECT_EQ(file.entries()[0].dtype, dtype);
    expect_has(message_of<InputError>([&] { file.load("x"); }), concat("has dtype ", dtype));
  }
  write_raw(
      R"({"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},"y":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[1,4]}})",
      std::string(4, '\0'));
  EXPECT_EQ(SafetensorsFile(path_).entries().size(), 2u);
}

TEST_F(Safetensors, SevenDimensionsAreListedButNotLoaded) {
  write_raw(R"({"x":{"dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[0,1]}})", "x");
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.entries()[0].shape.size(), 7u);
  expect_worded(message_of<InputError>([&] { file.load("x"); }));
}

TEST_F(Safetensors, AMissingTensorOrFileIsNamed) {
  save_safetensors(path_, {{"w", ones({1})}});
  const std::string message = message_of<InputError>([&] { SafetensorsFile(path_).load("v"); });
  expect_has(message, "no tensor \"v\"");
  expect_has(message, path_);
  expect_worded(message_of<InputError>([&] { SafetensorsFile file(path_ + "x"); }));
  expect_worded(message_of<InputError>([&] { SafetensorsFile file(folder_.path()); }));
}

TEST_F(Safetensors, WhatCannotBeSavedLeavesTheOldFile) {
  const Tensor one = ones({1});
  save_safetensors(path_, {{"w", one}});
  const std::string before = bytes_of_file();
  const auto message = [&](const NamedTensors& tensors) {
    return message_of([&] { save_safetensors(path_, tensors); });
  };
  expect_worded(message({{"w", one}, {"w", one}}));
  expect_worded(message({{"__metadata__", one}}));
  expect_worded(message({{"\xff", one}}));
  expect_worded(message({{"w", Tensor()}}));
  expect_worded(message({{"w", empty({1}, {DType::f32, kMeta})}}));
  EXPECT_EQ(bytes_of_file(), before);
}

}  // namespace
}  // namespace thaw::test
