// Pictures as samples: folders and tables of them, how a model sees them, their batches.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "finetune/data/numbers.h"
#include "finetune/data/pictures.h"
#include "finetune/data/readers/readers.h"
#include "finetune/preprocess/picture_input.h"
#include "finetune/preprocess/picture_view_json.h"
#include "nn/io/sha256.h"
#include "tests/support/messages.h"
#include "tests/support/picture_folder.h"

namespace thaw::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Values = std::vector<double>;
using Strings = std::vector<std::string>;

const std::vector<std::uint8_t> kRed{255, 0, 0}, kBlue{0, 0, 255};

std::string hash_of_sample(const Inputs& inputs, std::int64_t row) {
  Sha256 hash;
  inputs.hash_sample(row, hash);
  return hash.hex();
}

struct PictureData : PictureTest {
  void write(const std::string& name, const std::string& bytes) const {
    fs::create_directories(fs::path(folder.path(name)).parent_path());
    folder.write(name, bytes);
  }
  // Two classes, one with a folder of its own in it, and what is no sample.
  void write_classes() const {
    write("data/red/b.png", plain_png(4, 6, kRed));
    write("data/red/a.PNG", plain_png(3, 3, kRed));
    write("data/red/deep/er/c.png", plain_png(5, 5, kRed));
    write("data/blue/1.png", plain_png(4, 4, kBlue));
    write("data/blue/notes.txt", "none");
    write("data/.cache/2.png", "no picture");
    write("data/blue/.hidden.png", "no picture");
    write("data/README.md", "none");
  }
  Dataset read(const std::string& name, Targets targets = Targets::classes) const {
    DataSource source;
    source.path = folder.path(name);
    source.targets = targets;
    source.image = "image";
    source.keep_id = targets == Targets::none;
    return read_dataset(source);
  }
  std::string refusal(const std::string& name) const {
    const std::string message = message_of<InputError>([&] { read(name); });
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  static void show_as(const PictureView& view, Dataset& data) {
    std::shared_ptr<KeptPictures> kept;
    show(view, kept, data);
  }

  TemporaryFolder folder = TemporaryFolder::in_memory();
};

TEST_F(PictureData, AFolderOfFoldersIsReadInOrderOfNames) {
  write_classes();
  const Dataset data = read("data");
  EXPECT_EQ(data.classes, (Strings{"blue", "red"}));
  EXPECT_EQ(data.labels(), (std::vector<std::int64_t>{0, 1, 1, 1}));
  const Pictures& pictures = *find_pictures(data);
  EXPECT_EQ(fs::path(pictures.source().place(1)).filename(), "a.PNG");
  EXPECT_EQ(fs::path(pictures.source().place(3)).filename(), "c.png");
  ASSERT_EQ(data.notes.size(), 1u);
  expect_has(data.notes[0], "2 files of");
  expect_has(data.notes[0], "1 .md, 1 .txt");
}

TEST_F(PictureData, WithoutLabelsEveryPictureIsASampleWithItsName) {
  write_classes();
  write("data/alone.png", plain_png(2, 2, kRed));
  const Dataset data = read("data", Targets::none);
  ASSERT_EQ(data.size(), 5);
  EXPECT_EQ(data.kept_columns, Strings{"image"});
  EXPECT_EQ(data[0].kept[0].text, "alone.png");
  EXPECT_EQ(data[4].kept[0].text, "red/deep/er/c.png");
  expect_has(refusal("data"), "1 picture stands beside the class folders");
}

TEST_F(PictureData, FoldersThatAreNotWhatTheyShouldBeAreRefused) {
  write("flat/a.png", plain_png(2, 2, kRed));
  expect_has(refusal("flat"), "has no folders in it");
  write("none/a/b.txt", "");
  expect_has(refusal("none"), "has no pictures in it");
  write("splits/train/red/a.png", plain_png(2, 2, kRed));
  write("splits/test/red/a.png", plain_png(2, 2, kRed));
  expect_has(refusal("splits"), "parts of the data and no classes");
  write_classes();
  fs::create_directories(folder.path("data/green/inner"));
  expect_has(refusal("data"), "no picture is in the class folder \"green\"");
  fs::remove_all(folder.path("data/green"));
  write("data/red/text.png", "These are words.");
  expect_has(refusal("data"), "red/text.png): it begins like none");
  write("data/red/z.jpg", "");
  write("data/red/zz.webp", "RIFF\1\1\1\1WEBP");
  expect_has(refusal("data"), "3 files of");
  expect_has(refusal("data"), "the first: not a picture");
  fs::remove(folder.path("data/red/z.jpg"));
  fs::remove(folder.path("data/red/zz.webp"));
  fs::remove(folder.path("data/red/text.png"));
  EXPECT_EQ(read("data").size(), 4);
  write("data/red/\xFF.png", plain_png(2, 2, kRed));
  expect_has(refusal("data"), "not UTF-8");
}

TEST_F(PictureData, LinksAreFollowedButNotInCircles) {
  write_classes();
  write("elsewhere/d.png", plain_png(2, 2, kRed));
  fs::create_directory_symlink(folder.path("elsewhere"), folder.path("data/red/more"));
  fs::create_symlink(folder.path("elsewhere/d.png"), folder.path("data/blue/d.png"));
  EXPECT_EQ(read("data").size(), 6);
  fs::create_directory_symlink(folder.path("data"), folder.path("elsewhere/back"));
  expect_has(refusal("data"), "a link makes the folder part of itself");
  fs::remove(folder.path("elsewhere/back"));
  fs::create_symlink("nowhere.png", folder.path("data/blue/dangling.png"));
  expect_has(refusal("data"), "dangling.png");
}

TEST_F(PictureData, WhatMayNotBeReadIsNamed) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  write_classes();
  fs::permissions(folder.path("data/red/deep"), fs::perms::none);
  expect_has(refusal("data"), "cannot look into the folder");
  fs::permissions(folder.path("data/red/deep"), fs::perms::owner_all);
  fs::permissions(folder.path("data/red/b.png"), fs::perms::none);
  expect_has(refusal("data"), "b.png");
}

TEST_F(PictureData, ATableNamesFiles) {
  write_classes();
  write("data/my.csv", "image,label,width\nred/b.png,r,4\nblue/1.png,b,4\n");
  const Dataset data = read("data/my.csv");
  EXPECT_EQ(data.classes, (Strings{"b", "r"}));
  EXPECT_EQ(find_pictures(data)->source().info(0).height, 6);
  write("data/metadata.csv", "file_name,label\nred/b.png,r\nblue/1.png,b\n");
  const Dataset huggingface = read("data");
  EXPECT_EQ(huggingface.labels(), data.labels());
  expect_has(huggingface.notes[0], "the image is column \"file_name\"");
  expect_has(huggingface.notes.back(),
             "names 2 of the folder's 4 pictures; the others are left out (first: red/a.PNG)");
  write("data/metadata.jsonl", "{}");
  expect_has(refusal("data"), "the folder has two tables");
  fs::remove(folder.path("data/metadata.jsonl"));
  write("data/bad.csv", "image,label\nred/b.png,r\nred/none.png,b\nno/1.png,b\nred/b.png,r\n");
  expect_has(refusal("data/bad.csv"), "the image names a file that is not there: \"red/none.png\"");
  expect_has(refusal("data/bad.csv"),
             "bad.csv:3:1, row 2, and 1 more such row); paths are relative to the table's");
  write("data/text.csv", "image,label\nmy.csv,r\n");
  expect_has(refusal("data/text.csv"), "it is named by ");
  write("data/empty.csv", "image,label\n,r\nred/b.png,r\n");
  expect_has(refusal("data/empty.csv"), "is missing");
}

TEST_F(PictureData, TransparencyIsSaid) {
  write("data/a/1.png", plain_png(2, 2, {9, 8, 7, 0}));
  write("data/b/1.png", plain_png(2, 2, kRed));
  const Dataset data = read("data");
  ASSERT_EQ(data.notes.size(), 1u);
  expect_has(data.notes[0], "1 picture of");
  expect_has(data.notes[0], "may be transparent");
}

TEST_F(PictureData, BatchesAreWhatTheModelSees) {
  write_classes();
  Dataset data = read("data");
  show_as(stretched_to(3, 2, 1), data);
  EXPECT_EQ(data.sample_shape(), (std::vector<std::int64_t>{3, 2, 1}));
  const Tensor x = data.inputs->batch({1, 0}).values;
  EXPECT_EQ(x.shape(), (Shape{2, 3, 2, 1}));
  EXPECT_EQ(x.to_vector(), (Values{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(data.inputs->meta_batch({2, 1, 2}).values.shape(), x.shape());
  const std::string before = hash_of_sample(*data.inputs, 0);
  Standardizer{{0.5, 0, 0}, {0.25, 1, 2}}.apply(data);
  EXPECT_EQ(data.inputs->batch({1, 0}).values.to_vector(),
            (Values{2, 2, 0, 0, 0, 0, -2, -2, 0, 0, 0.5, 0.5}));
  EXPECT_NE(hash_of_sample(*data.inputs, 0), before) << "the cache of prefixes must tell them apart";
  const auto part = data.inputs->subset({2, 0});
  EXPECT_EQ(part->batch({1}).values.to_vector(), data.inputs->batch({0}).values.to_vector());
  EXPECT_TRUE(part->same(1, *data.inputs, 0));
  EXPECT_FALSE(part->same(0, *data.inputs, 0));
  show_as(stretched_to(1, 1, 1), data);
  EXPECT_NEAR(data.inputs->batch({0}).values.item(), 29 / 255.0, 1e-6) << "blue in grey";
}

// The same pixels in an IDX file and in PNG files are the same to the bit, their statistics too.
TEST_F(PictureData, FilesAndImagesInMemoryAgree) {
  std::vector<float> values;
  for (int i = 0; i < 3; ++i) {
    std::vector<std::uint8_t> pixels;
    for (int p = 0; p < 20; ++p) pixels.push_back(static_cast<std::uint8_t>((i * 91 + p * p * 13) % 256));
    for (const std::uint8_t pixel : pixels) values.push_back(static_cast<float>(pixel) / 255.0F);
    write("data/" + std::to_string(i) + "/p.png", png_bytes(5, 4, 1, pixels));
  }
  Dataset files = read("data"), images = files;
  images.inputs = std::make_shared<const Numbers>(std::vector<std::int64_t>{1, 4, 5}, values);
  show_as(stretched_to(1, 4, 5), files);
  const Standardizer a = Standardizer::fit(files), b = Standardizer::fit(images);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.deviation, b.deviation);
  Dataset scaled_files = files, scaled_images = images;
  a.apply(scaled_files);
  a.apply(scaled_images);
  EXPECT_EQ(scaled_files.inputs->batch({0, 1, 2}).values.to_vector(),
            scaled_images.inputs->batch({0, 1, 2}).values.to_vector());
  std::shared_ptr<KeptPictures> kept;
  show_images(stretched_to(3, 9, 8), kept, images);
  show_as(stretched_to(3, 9, 8), files);
  EXPECT_EQ(files.inputs->batch({2, 0}).values.to_vector(), images.inputs->batch({2, 0}).values.to_vector());
  const Values grey = images.inputs->batch({2}).values.to_vector();
  EXPECT_EQ(Values(grey.begin(), grey.begin() + 72), Values(grey.begin() + 72, grey.begin() + 144))
      << "in colour";
}

TEST_F(PictureData, FilesThatChangeAreNoticed) {
  write("data/a/1.png", plain_png(2, 2, kRed));
  write("data/b/1.png", plain_png(2, 2, kBlue));
  Dataset data = read("data");
  show_as(stretched_to(3, 2, 2), data);
  EXPECT_EQ(data.inputs->batch({0}).values.to_vector()[0], 1);
  write("data/a/1.png", plain_png(2, 2, kBlue));
  write("data/b/1.png", plain_png(2, 2, kRed));
  EXPECT_EQ(data.inputs->batch({0}).values.to_vector()[0], 1) << "kept in memory";
  expect_has(message_of<Error>([&] { data.inputs->batch({1}); }), "is not what it was");
}

PictureView view_of(const json& config) { return *read_picture_view(config, "preprocessor_config.json", 3); }

TEST_F(PictureData, ViewsAreThoseOfTransformers) {
  using Resize = PictureView::Resize;
  const PictureView vit = view_of({{"size", {{"height", 32}, {"width", 48}}}});
  EXPECT_EQ(describe_view(vit), "resized to 48 x 32 (bilinear), in colour");
  EXPECT_EQ(vit.sample_shape(), (std::vector<std::int64_t>{3, 32, 48}));
  EXPECT_EQ(describe_view(view_of({{"size", 224}, {"resample", 3}})),
            "resized to 224 x 224 (bicubic), in colour");
  const json clip{
      {"size", {{"shortest_edge", 72}}}, {"do_center_crop", true}, {"crop_size", 64}, {"resample", 3}};
  EXPECT_EQ(describe_view(view_of(clip)),
            "resized to 72 on the shorter side (bicubic), the middle 64 x 64 of them, in colour");
  const json convnext{
      {"feature_extractor_type", "ConvNextFeatureExtractor"}, {"size", 224}, {"crop_pct", 0.875}};
  const PictureView small = view_of(convnext);
  EXPECT_EQ(small.resize, Resize::shortest_edge);
  EXPECT_EQ(small.resize_height, 256);
  EXPECT_TRUE(small.crops);
  const PictureView smaller = view_of_size(small, 96, 96);
  EXPECT_EQ(smaller.resize_height, 109) << "int(96 / 0.875)";
  EXPECT_EQ(smaller.height, 96);
  json large = convnext;
  large["size"] = {{"shortest_edge", 384}};
  EXPECT_EQ(view_of(large).resize, Resize::stretch);
  EXPECT_FALSE(read_picture_view(json::object(), "p", 3).has_value());
  for (const PictureView& view : {vit, small}) {
    const json saved = json::parse(view_to_json(view).dump());
    EXPECT_EQ(describe_view(view_from_json(saved, view.sample_shape(), "p")), describe_view(view));
  }
  json changed = convnext;
  write_picture_view(smaller, "p", changed);
  EXPECT_EQ(describe_view(view_of(changed)), describe_view(smaller));
  // What ConvNeXt's processor would do otherwise another one does.
  json tenth = convnext;
  tenth["crop_pct"] = 0.9;
  for (const auto& [config, side] : {std::pair{tenth, 200}, std::pair{convnext, 400}, std::pair{large, 96}}) {
    const PictureView wanted = view_of_size(view_of(config), side, side);
    changed = config;
    write_picture_view(wanted, "p", changed);
    EXPECT_EQ(describe_view(view_of(changed)), describe_view(wanted)) << changed;
    EXPECT_EQ(changed.value("image_mean", json()), json({0.5, 0.5, 0.5}));
  }
  EXPECT_EQ(view_of({{"image_processor_type", "CLIPImageProcessor"},
                     {"size", 32},
                     {"crop_size", 32},
                     {"do_center_crop", true}})
                .resize,
            Resize::shortest_edge);
  changed = clip;
  write_picture_view(view_of_size(view_of(clip), 32, 32), "p", changed);
  EXPECT_EQ(describe_view(view_of(changed)),
            "resized to 36 on the shorter side (bicubic), the middle 32 x 32 of them, in colour");
  const json cut{{"size", {{"shortest_edge", 8}}}, {"do_center_crop", true}, {"crop_size", 5000}};
  expect_has(message_of<InputError>([&] { view_of_size(view_of(cut), 8, 8); }), "crop_size");
  changed = {{"size", 224}};
  write_picture_view(stretched_to(3, 8, 6), "p", changed);
  EXPECT_EQ(describe_view(view_of(changed)), "resized to 6 x 8 (bilinear), in colour");
  const auto refused = [](const json& config) {
    return message_of<InputError>([&] { read_picture_view(config, "p.json", 3); });
  };
  expect_has(refused({{"size", 8}, {"resample", 1}}), "'resample' is 1 (p.json)");
  expect_has(refused({{"size", 0}}), "'size' is 0");
  expect_has(refused({{"size", 1 << 20}}), "'size' is 1048576");
  expect_has(refused({{"size", 8}, {"crop_pct", 0}}), "'crop_pct' is 0");
  expect_has(message_of<InputError>([] {
               view_from_json({{"resize", "twist"}}, {3, 8, 8}, "p.json");
             }),
             "p.json");
}

TEST_F(PictureData, WhatDoesNotFitIsRefusedBeforeTraining) {
  write_classes();
  Dataset data = read("data");
  PictureView view = stretched_to(3, 4, 4);
  view.resize = PictureView::Resize::none;
  const std::string message = message_of<InputError>([&] { show_as(view, data); });
  expect_has(message, "the picture has 3 x 3 pixels, the model takes 4 x 4");
  expect_has(message, "a.PNG");
  view.crops = true;
  show_as(view, data);
  EXPECT_EQ(data.inputs->batch({1}).values.to_vector()[0], 0) << "black around it";
  write("wide/a/1.png", plain_png(8000, 1, kRed));
  write("wide/b/1.png", plain_png(1, 1, kRed));
  Dataset wide = read("wide");
  view = stretched_to(3, 224, 224);
  view.resize = PictureView::Resize::shortest_edge;
  view.crops = true;
  expect_has(message_of<InputError>([&] { show_as(view, wide); }), "at most");
}

}  // namespace
}  // namespace thaw::test
