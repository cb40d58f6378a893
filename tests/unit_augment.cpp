// Pictures changed at random in training, and what of a run may not change with them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/data/picture/augment.h"
#include "finetune/data/pictures.h"
#include "nn/io/sha256.h"
#include "tests/support/picture_folder.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using Values = std::vector<double>;

using Augment = PictureTest;

const std::string kFolder = THAW_SOURCE_DIR "/tests/golden/pictures/";

Picture golden_picture(const std::string& name) {
  return with_channels(decode_picture(file_text(kFolder + name), name), 3);
}

TEST_F(Augment, OperationsArePillows) {
  const json changed = json::parse(file_text(kFolder + "pictures.json"))["changed"];
  const Picture color = golden_picture("color.png");
  const auto is = [&](const std::string& name, const Picture& picture) {
    const json& expected = changed.at(name);
    ASSERT_EQ(picture.pixels.size(), expected.size()) << name;
    int most = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
      most = std::max(most, std::abs(picture.pixels[i] - expected[i].get<int>()));
    EXPECT_LE(most, 1) << name;
    EXPECT_NE(picture.pixels, color.pixels) << name;
  };
  is("brightness 0.3", with_brightness(color, 0.3));
  is("brightness 1.4", with_brightness(color, 1.4));
  is("contrast 0.3", with_contrast(color, 0.3));
  is("contrast 1.4", with_contrast(color, 1.4));
  is("saturation 0.3", with_saturation(color, 0.3));
  is("saturation 1.4", with_saturation(color, 1.4));
  is("sharpness 0.3", with_sharpness(color, 0.3));
  is("sharpness 1.4", with_sharpness(color, 1.4));
  is("posterize 5", posterized(color, 5));
  is("solarize 178", solarized(color, 178));
  is("autocontrast", with_full_contrast(color));
  is("equalize", equalized(golden_picture("color.jpg")));
  is("transform", transformed(color, 0.9123, 0.2071, 1.27, -0.3133, 1.1071, -0.53));
}

TEST_F(Augment, WhatHasNoContrastStaysAsItIs) {
  Picture plain = black_picture(3, 3, 1);
  std::fill(plain.pixels.begin(), plain.pixels.end(), std::uint8_t{7});
  EXPECT_EQ(with_full_contrast(plain).pixels, plain.pixels);
  EXPECT_EQ(equalized(plain).pixels, plain.pixels);
}

// A picture has the change of (seed, update, sample), whoever asks for it and however often.
TEST_F(Augment, ChangesFollowTheKeyAndTheSampleAlone) {
  const Picture color = golden_picture("color.jpg");
  for (const char* name : {"flip", "crop", "color", "randaugment"}) {
    const std::vector<std::string>& names = names_of(Augmentation{});
    const auto kind = static_cast<Augmentation>(std::find(names.begin(), names.end(), name) - names.begin());
    std::set<std::vector<std::uint8_t>> of_samples, of_updates;
    for (std::int64_t i = 0; i < 40; ++i) {
      const Picture changed = augmented(color, {kind}, random_key(1, "a", 3), i);
      EXPECT_EQ(changed.pixels, augmented(color, {kind}, random_key(1, "a", 3), i).pixels) << name;
      EXPECT_EQ(changed.width, color.width);
      of_samples.insert(changed.pixels);
      of_updates.insert(augmented(color, {kind}, random_key(1, "a", i), 3).pixels);
    }
    EXPECT_GT(of_samples.size(), 1u) << name;
    EXPECT_GT(of_updates.size(), 1u) << name;
    if (std::string(name) == "flip") {
      EXPECT_EQ(of_samples, (std::set{color.pixels, mirrored(color).pixels}));
    }
  }
}

TEST_F(Augment, CropsMoveByAnEighthAtMost) {
  Picture white = black_picture(17, 8, 1);
  std::fill(white.pixels.begin(), white.pixels.end(), std::uint8_t{255});
  std::set<std::int64_t> widths;
  for (std::int64_t i = 0; i < 200; ++i) {
    const Picture moved = augmented(white, {Augmentation::crop}, random_key(1, "a"), i);
    const auto lit = std::count(moved.pixels.begin(), moved.pixels.end(), 255);
    EXPECT_TRUE(lit % 7 == 0 || lit % 8 == 0) << "one row at most is black";
    EXPECT_GE(lit, 15 * 7);
    widths.insert(std::max(lit % 7 == 0 ? lit / 7 : 0, lit % 8 == 0 ? lit / 8 : 0));
  }
  EXPECT_TRUE(widths.contains(15) && widths.contains(16) && widths.contains(17));
}

struct AugmentedData : PictureTest {
  void SetUp() override {
    PictureTest::SetUp();
    if (IsSkipped()) return;
    std::vector<PictureFile> files;
    for (const char* name : {"color.png", "noise.png", "color.jpg", "progressive.jpg"}) {
      const std::string path = kFolder + name, bytes = file_text(path);
      files.push_back({path, read_picture_info(bytes, path), sha256_hex(bytes)});
    }
    const Pictures plain(source_of_files(std::move(files)));
    pictures = std::make_shared<const Pictures>(Pictures(plain, stretched_to(3, 12, 12)),
                                                std::vector{Augmentation::flip, Augmentation::randaugment});
  }
  // In training, of update `step`: samples with these ids.
  Values in_training(const std::vector<std::int64_t>& rows, std::int64_t step,
                     std::int64_t micro_batch = 0) const {
    Tensor ids = empty({static_cast<std::int64_t>(rows.size())}, {DType::i64});
    std::copy(rows.begin(), rows.end(), ids.data<std::int64_t>());
    const RandomScope random({9, step, micro_batch, ids});
    return pictures->training_batch(rows).values.to_vector();
  }

  std::shared_ptr<const Pictures> pictures;
};

TEST_F(AugmentedData, TrainingAloneSeesChanges) {
  EXPECT_TRUE(pictures->draws_in_training());
  EXPECT_FALSE(Pictures(*pictures, std::vector<Augmentation>{}).draws_in_training());
  const Values plain = pictures->batch({0, 1, 2, 3}).values.to_vector();
  EXPECT_EQ(pictures->batch({0, 1, 2, 3}).values.to_vector(), plain);
  EXPECT_NE(in_training({0, 1, 2, 3}, 5), plain);
  EXPECT_NE(in_training({0, 1, 2, 3}, 5), in_training({0, 1, 2, 3}, 6));
}

TEST_F(AugmentedData, NeitherOrderNorBatchNorMicroBatchMatters) {
  const Values all = in_training({0, 1, 2, 3}, 5), turned = in_training({3, 2}, 5, 1);
  const std::ptrdiff_t size = 3 * 12 * 12;
  EXPECT_EQ(Values(all.begin() + 3 * size, all.end()), Values(turned.begin(), turned.begin() + size));
  EXPECT_EQ(Values(all.begin() + 2 * size, all.begin() + 3 * size),
            Values(turned.begin() + size, turned.end()));
}

}  // namespace
}  // namespace thaw::test
