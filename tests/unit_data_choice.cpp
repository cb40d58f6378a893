// Choosing and changing what was read: rows, merged labels, corrupted images.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "finetune/data/corrupt.h"
#include "finetune/data/readers/readers.h"
#include "finetune/preprocess/prepared_data.h"
#include "tests/support/data_files.h"
#include "tests/support/datasets.h"
#include "tests/support/from_config.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using Choice = DataFiles;
using Places = std::vector<int64_t>;

constexpr const char* kTable = "x,label\n0,cat\n1,dog\n2,wolf\n3,cat\n4,fish\n5,lion\n";

DataSource merging(const LabelMerge& merge) {
  DataSource source;
  source.merge = merge;
  source.require_every_class = true;
  return source;
}

DataSource with_rows(int64_t first, int64_t end) {
  DataSource source;
  source.rows = {first, end};
  return source;
}

TEST_F(Choice, MergedLabelsBecomeTheClassesAndTheOthersAreLeftOut) {
  const Dataset d =
      read("a.csv", kTable, merging({{"feline", {"cat", "lion"}}, {"canine", {"wolf", "dog"}}}));
  EXPECT_EQ(d.classes, (Strings{"canine", "feline"}));
  EXPECT_EQ(d.labels(), (Places{1, 0, 0, 1, 1}));
  EXPECT_EQ(ids_of(d), (Places{0, 1, 2, 3, 5}));
  EXPECT_EQ(values_of(d), (std::vector<float>{0, 1, 2, 3, 5}));
}

TEST_F(Choice, MergedClassesAreOrderedAsAnyLabelsOrAsClassesSays) {
  EXPECT_EQ(read("a.csv", kTable, merging({{"10", {"cat"}}, {"9", {"dog"}}})).classes, (Strings{"9", "10"}));
  DataSource source = merging({{"feline", {"cat", "lion"}}, {"canine", {"dog"}}, {"other", {"fish"}}});
  source.classes = {"other", "feline"};
  source.drop_other_classes = true;
  const Dataset d = read("a.csv", kTable, source);
  EXPECT_EQ(d.classes, (Strings{"other", "feline"}));
  EXPECT_EQ(d.labels(), (Places{1, 1, 0, 1}));
}

TEST_F(Choice, RefusesToMergeWhatIsNotThere) {
  expect_refused("a.csv", kTable, {"no sample has the label \"puma\" of the class \"feline\"", "a.csv"},
                 merging({{"feline", {"cat", "puma"}}, {"canine", {"dog"}}}));
  DataSource further = merging({{"feline", {"cat", "puma"}}, {"canine", {"dog"}}});
  further.require_every_class = false;  // a validation file need not have every label
  EXPECT_EQ(read("a.csv", kTable, further).class_counts(), (Places{1, 2}));
  DataSource absent = merging({{"feline", {"cat"}}});
  absent.classes = {"feline", "canine"};
  expect_refused("a.csv", kTable, {"class \"canine\" has no sample"}, absent);
}

TEST_F(Choice, RowsAreThoseOfTheFile) {
  const Dataset d = read("a.csv", kTable, with_rows(1, 4));
  EXPECT_EQ(ids_of(d), (Places{1, 2, 3}));
  EXPECT_EQ(values_of(d), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(d.classes, (Strings{"cat", "dog", "wolf"})) << "the classes of the rows alone";
  EXPECT_EQ(read("a.csv", kTable, with_rows(0, 6)).size(), 6);
  expect_refused("a.csv", kTable, {"data.rows ends at 7, but there are 6 samples", "a.csv"}, with_rows(2, 7));
}

TEST_F(Choice, MessagesAboutChosenRowsNameTheirPlaceInTheFile) {
  DataSource source = with_rows(2, 5);
  source.classes = {"wolf", "cat"};
  expect_refused("a.csv", kTable, {"unknown class \"fish\"", "a.csv:6, row 5"}, source);
}

TEST_F(Choice, RowsAndMergeWorkOnImagesToo) {
  DataSource source = merging({{"low", {"0", "1"}}, {"high", {"8", "9"}}});
  source.path = "builtin:digits";
  source.rows = {100, 300};
  const Dataset d = read_dataset(source);
  source.rows = {0, 300};
  const Dataset more = read_dataset(source);
  EXPECT_EQ(d.classes, (Strings{"high", "low"}));
  const Places ids = ids_of(d), labels = d.labels(), more_ids = ids_of(more), more_labels = more.labels();
  EXPECT_GE(ids.front(), 100);
  EXPECT_LT(ids.back(), 300);
  EXPECT_TRUE(std::equal(ids.rbegin(), ids.rend(), more_ids.rbegin()));
  EXPECT_TRUE(std::equal(labels.rbegin(), labels.rend(), more_labels.rbegin()));
}

TEST_F(Choice, RowsAreOfTheTrainingFileAlone) {
  Config config;
  config.data.train = write("train.csv", kTable);
  config.data.validation = write("valid.csv", "x,label\n7,cat\n8,wolf\n9,lion\n");
  config.data.rows = {1, 4};
  config.data.merge = {{"feline", {"cat", "lion"}}, {"canine", {"wolf", "dog"}}};
  EXPECT_EQ(message_of<InputError>([&] { data_of(config); }).substr(0, 33),
            "no sample has the label \"lion\" of");
  config.data.merge["feline"] = {"cat"};
  const PreparedData data = data_of(config);
  EXPECT_EQ(ids_of(data.train), (Places{1, 2, 3}));
  EXPECT_EQ(ids_of(data.validation), (Places{0, 1})) << "a lion is in no list";
  EXPECT_EQ(data.validation->labels(), (Places{1, 0}));
  EXPECT_EQ(data.preprocess.labels, (Strings{"canine", "feline"}));
}

// Images of one channel, all 0.5 but for what a test sets.
Dataset images(int64_t count, int64_t height, int64_t width) {
  return number_samples({1, height, width}, std::vector<float>(count * height * width, 0.5f));
}

TEST(Corrupt, BlurIsAGaussianOfTheSaidDeviation) {
  Dataset d = images(1, 21, 31);
  std::vector<float> one_white(21 * 31, 0.0f);
  one_white[10 * 31 + 15] = 1;
  set_values(d, one_white);
  corrupt_images(d, Corruption::blur, "t");
  double sum = 0, rows = 0, columns = 0;
  for (int64_t y = 0; y < 21; ++y)
    for (int64_t x = 0; x < 31; ++x) {
      const double v = values_of(d)[y * 31 + x];
      sum += v;
      rows += v * static_cast<double>((y - 10) * (y - 10));
      columns += v * static_cast<double>((x - 15) * (x - 15));
    }
  EXPECT_NEAR(sum, 1, 1e-6);
  // Cut at 3.3 deviations, the kernel has a little less than the Gaussian's variance.
  EXPECT_NEAR(rows, kBlurDeviation * kBlurDeviation, 0.05);
  EXPECT_NEAR(columns, rows, 1e-6);
  EXPECT_NEAR(values_of(d)[10 * 31 + 16] / values_of(d)[10 * 31 + 15],
              std::exp(-0.5 / (kBlurDeviation * kBlurDeviation)), 1e-5);
}

TEST(Corrupt, BlurRepeatsTheEdgeAndKeepsImagesApart) {
  Dataset d = images(2, 4, 6);
  change_values(d, [](std::vector<float>& values) { std::fill(values.begin() + 24, values.end(), 1.0f); });
  corrupt_images(d, Corruption::blur, "t");
  for (int64_t i = 0; i < 48; ++i) EXPECT_NEAR(values_of(d)[i], i < 24 ? 0.5f : 1.0f, 1e-6) << i;
}

TEST(Corrupt, NoiseIsTheSamplesOwnAndClipped) {
  Dataset d = images(200, 8, 8);
  corrupt_images(d, Corruption::noise, "/a/t.gz");
  const Dataset some = [] {
    Dataset part = images(200, 8, 8).subset({7, 150});
    corrupt_images(part, Corruption::noise, "/b/t.gz");
    return part;
  }();
  EXPECT_TRUE(some.inputs->same(0, *d.inputs, 7)) << "whatever stands beside it";
  EXPECT_TRUE(some.inputs->same(1, *d.inputs, 150));
  EXPECT_FALSE(d.inputs->same(0, *d.inputs, 1));
  Dataset other = images(200, 8, 8);
  corrupt_images(other, Corruption::noise, "/a/other.gz");
  EXPECT_NE(values_of(other), values_of(d)) << "sample 0 of another file has another noise";

  const auto n = static_cast<double>(values_of(d).size());
  EXPECT_GE(*std::min_element(values_of(d).begin(), values_of(d).end()), 0.0f);
  EXPECT_LE(*std::max_element(values_of(d).begin(), values_of(d).end()), 1.0f);
  // The share within one deviation of the mean, which clipping leaves as it is.
  const auto inside =
      static_cast<double>(std::count_if(values_of(d).begin(), values_of(d).end(), [](float x) {
        return std::fabs(x - 0.5f) < static_cast<float>(kNoiseDeviation);
      }));
  EXPECT_NEAR(inside / n, std::erf(std::sqrt(0.5)), 0.02);
}

TEST(Corrupt, InvertAndNothing) {
  Dataset d = images(1, 1, 2);
  set_values(d, {0.25f, 1.0f});
  corrupt_images(d, Corruption::none, "t");
  EXPECT_EQ(values_of(d), (std::vector<float>{0.25f, 1.0f}));
  corrupt_images(d, Corruption::invert, "t");
  EXPECT_EQ(values_of(d), (std::vector<float>{0.75f, 0.0f}));
}

TEST_F(Choice, CorruptChangesEveryPartAndRefusesTables) {
  Config config;
  config.data.train = "builtin:digits";
  config.data.test_fraction = 0.2;
  const PreparedData clean = data_of(config, true);
  config.data.corrupt = Corruption::invert;
  const PreparedData inverted = data_of(config, true);
  const auto expect_inverted = [](const Dataset& was, const Dataset& is) {
    ASSERT_EQ(ids_of(was), ids_of(is));
    for (size_t i = 0; i < values_of(was).size(); ++i) ASSERT_EQ(values_of(is)[i], 1.0f - values_of(was)[i]);
  };
  expect_inverted(clean.train, inverted.train);
  expect_inverted(clean.validation, inverted.validation);
  expect_inverted(clean.test, inverted.test);
  config.data.train = write("a.csv", kTable);
  EXPECT_NE(message_of<InputError>([&] { data_of(config); }).find("is for images"), std::string::npos);
}

}  // namespace
}  // namespace thaw::test
