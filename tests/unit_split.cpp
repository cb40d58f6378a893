// Splits, subsets, duplicates and standardisation of data sets.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/data/readers/readers.h"
#include "finetune/data/split.h"
#include "finetune/data/standardize.h"
#include "tests/support/datasets.h"

namespace thaw::test {
namespace {

using Rows = std::vector<int64_t>;
using Strings = std::vector<std::string>;

// 0, 1, 2, ..
Dataset points_from_zero(int64_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0F);
  return number_samples({1}, values);
}

// One feature, distinct in every row, and `counts[c]` rows of class c.
Dataset with_class_counts(const Rows& counts) {
  Rows labels;
  Strings classes;
  for (size_t c = 0; c < counts.size(); ++c) {
    classes.push_back(std::to_string(c));
    labels.insert(labels.end(), counts[c], static_cast<int64_t>(c));
  }
  Dataset d = points_from_zero(static_cast<int64_t>(labels.size()));
  set_labels(d, labels);
  d.classes = classes;
  return d;
}

void expect_partition(const Split& split, int64_t size) {
  Rows all = split.rest;
  all.insert(all.end(), split.taken.begin(), split.taken.end());
  std::sort(all.begin(), all.end());
  Rows expected(size);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
  EXPECT_TRUE(std::is_sorted(split.rest.begin(), split.rest.end()));
  EXPECT_TRUE(std::is_sorted(split.taken.begin(), split.taken.end()));
}

void expect_input_error(const std::function<void()>& call, const std::string& fragment) {
  try {
    call();
    ADD_FAILURE() << "no error; expected: " << fragment;
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what();
  }
}

TEST(Split, SharesAreRoundedByLargestRemainder) {
  const Dataset d = with_class_counts({50, 33, 17});
  const Split split = split_dataset(d, 0.25, 0);
  expect_partition(split, 100);
  // 12.5, 8.25 and 4.25 of 25: the odd one goes to the first.
  EXPECT_EQ(d.subset(split.taken).class_counts(), (Rows{13, 8, 4}));
}

TEST(Split, TotalsAreRightForEveryFraction) {
  const Dataset d = with_class_counts({5, 3, 11, 1});
  for (int percent = 1; percent < 100; ++percent) {
    const Split split = split_dataset(d, percent / 100.0, 3);
    expect_partition(split, 20);
    const int64_t wanted = std::clamp<int64_t>(std::llround(percent * 0.2), 1, 19);
    EXPECT_EQ(static_cast<int64_t>(split.taken.size()), wanted) << percent;
  }
}

TEST(Split, EveryClassKeepsASampleInTheRest) {
  const Dataset d = with_class_counts({10, 1, 2});
  const Rows rest = d.subset(split_dataset(d, 0.7, 1).rest).class_counts();
  EXPECT_GE(*std::min_element(rest.begin(), rest.end()), 1);
}

TEST(Split, IsAFunctionOfSeedAndIdsAlone) {
  const Dataset d = with_class_counts({40, 60});
  Rows reversed(100);
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  const Dataset backwards = d.subset(reversed);
  const auto ids = [](const Dataset& data, const Rows& rows) {
    const Rows picked = ids_of(data.subset(rows));
    return std::set<int64_t>(picked.begin(), picked.end());
  };
  EXPECT_EQ(ids(d, split_dataset(d, 0.2, 7).taken), ids(backwards, split_dataset(backwards, 0.2, 7).taken));
  EXPECT_NE(split_dataset(d, 0.2, 7).taken, split_dataset(d, 0.2, 8).taken);
}

TEST(Split, EveryRowIsTakenEquallyOften) {
  const Dataset d = with_class_counts({10});
  std::vector<int> times(10, 0);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    for (int64_t row : split_dataset(d, 0.3, seed).taken) ++times[row];
  }
  // 600 expected, standard deviation 20.5.
  for (int t : times) EXPECT_NEAR(t, 600, 100);
}

TEST(Split, IdenticalRowsStayTogether) {
  Dataset d = with_class_counts({60, 60});
  change_values(d, [](std::vector<float>& values) {
    for (float& x : values) x = std::floor(x / 3);
  });
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Split split = split_dataset(d, 0.25, seed);
    expect_partition(split, 120);
    EXPECT_TRUE(find_duplicates(d.subset(split.rest), d.subset(split.taken)).empty());
    EXPECT_EQ(split.taken.size(), 30u);
  }
}

TEST(Split, TheSameFeaturesWithAnotherLabelAreAnotherRow) {
  Dataset d = with_class_counts({1, 1});
  set_values(d, {1, 1});
  EXPECT_EQ(split_dataset(d, 0.5, 0).taken.size(), 1u);
  EXPECT_TRUE(find_duplicates(d.subset({0}), d.subset({1})).empty());
}

TEST(Split, GroupsStayWholeAndClassesBalanced) {
  Dataset d = with_class_counts({100, 100});
  for (int64_t row = 0; row < d.size(); ++row) d[row].group = concat("g", row % 40);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Split split = split_dataset(d, 0.2, seed);
    expect_partition(split, 200);
    std::set<std::string> rest;
    for (int64_t row : split.rest) rest.insert(d[row].group);
    for (int64_t row : split.taken) EXPECT_EQ(rest.count(d[row].group), 0u);
    const Rows counts = d.subset(split.taken).class_counts();
    EXPECT_NEAR(static_cast<double>(counts[0]), 20, 5);
    EXPECT_NEAR(static_cast<double>(counts[1]), 20, 5);
  }
}

TEST(Split, LargeGroupsStillGiveTwoSides) {
  Dataset d = with_class_counts({10});
  for (int64_t row = 0; row < 10; ++row) d[row].group = row < 5 ? "a" : "b";
  for (double fraction : {0.01, 0.2, 0.9, 0.99}) {
    const Split split = split_dataset(d, fraction, 0);
    EXPECT_EQ(split.rest.size(), 5u);
    EXPECT_EQ(split.taken.size(), 5u);
  }
}

TEST(Split, WorksForRegression) {
  Dataset d = points_from_zero(10);
  set_targets(d, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(split_dataset(d, 0.2, 0).taken.size(), 2u);
  EXPECT_EQ(draw_rows(d, 3, 0).size(), 3u);
  expect_input_error([&] { draw_per_class(d, 1, 0); }, "needs classes");
}

TEST(Split, Refuses) {
  const Dataset d = with_class_counts({5});
  for (double fraction : {0.0, 1.0, -0.1, 1.5, std::nan("")}) {
    expect_input_error([&] { split_dataset(d, fraction, 0); }, "split fraction");
  }
  expect_input_error([&] { split_dataset(with_class_counts({1}), 0.5, 0); }, "cannot be split");
  Dataset same = d;
  set_values(same, {1, 1, 1, 1, 1});
  expect_input_error([&] { split_dataset(same, 0.5, 0); }, "5 samples are 1 distinct rows");
}

TEST(Split, OfRealDigits) {
  DataSource source;
  source.path = "builtin:digits";
  const Dataset d = read_dataset(source);
  const Split split = split_dataset(d, 0.2, 0);
  EXPECT_EQ(split.taken.size(), 359u);
  const Rows counts = d.subset(split.taken).class_counts();
  for (size_t c = 0; c < counts.size(); ++c) EXPECT_NEAR(counts[c], d.class_counts()[c] * 0.2, 1) << c;
}

TEST(Draw, PerClassIsExactSeededAndNested) {
  const Dataset d = with_class_counts({30, 20, 10});
  const Rows ten = draw_per_class(d, 10, 4), five = draw_per_class(d, 5, 4);
  EXPECT_EQ(d.subset(ten).class_counts(), (Rows{10, 10, 10}));
  EXPECT_TRUE(std::includes(ten.begin(), ten.end(), five.begin(), five.end()));
  EXPECT_NE(draw_per_class(d, 5, 5), five);
  expect_input_error([&] { draw_per_class(d, 11, 0); }, "class \"2\" has 10 samples of the 11 wanted");
  expect_input_error([&] { draw_per_class(d, 0, 0); }, "give a positive number");
}

TEST(Draw, RowsAreStratified) {
  const Dataset d = with_class_counts({30, 20, 10});
  EXPECT_EQ(d.subset(draw_rows(d, 6, 0)).class_counts(), (Rows{3, 2, 1}));
  EXPECT_EQ(draw_rows(d, 1000, 0).size(), 60u);
  expect_input_error([&] { draw_rows(d, -1, 0); }, "data.limit = -1");
}

TEST(Duplicates, AreFoundWithTheirFirstPlace) {
  Dataset first = with_class_counts({4}), second = with_class_counts({3});
  set_values(first, {5, 6, 5, 7});
  set_values(second, {8, 5, 7});
  const std::vector<Duplicate> found = find_duplicates(first, second);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first_row, 0);
  EXPECT_EQ(found[0].second_row, 1);
  EXPECT_EQ(found[1].first_row, 3);
  second[1].label = 1;
  EXPECT_EQ(find_duplicates(first, second).size(), 1u);
  EXPECT_EQ(find_same_inputs(first, second).size(), 2u) << "whatever their labels";
}

TEST(Duplicates, OfSetsWithoutLabelsAreFoundAmongThoseWithThem) {
  const Dataset labelled = with_class_counts({2, 2});
  Dataset plain = labelled;
  plain.targets = Targets::none;
  EXPECT_EQ(find_duplicates(labelled, plain).size(), 4u);
}

TEST(Duplicates, TheSignOfZeroMakesNoOtherRow) {
  Dataset first = with_class_counts({2}), second = with_class_counts({2});
  set_values(first, {0.0F, 1});
  set_values(second, {2, -0.0F});
  EXPECT_EQ(find_duplicates(first, second).size(), 1u);
}

TEST(Standardize, UsesThePopulationDeviationAndZeroesConstants) {
  const Dataset d = number_samples({2}, {1, 0.1f, 2, 0.1f, 6, 0.1f});
  const Standardizer s = Standardizer::fit(d);
  EXPECT_DOUBLE_EQ(s.mean[0], 3.0);
  EXPECT_DOUBLE_EQ(s.deviation[0], std::sqrt(14.0 / 3.0));
  EXPECT_EQ(s.deviation[1], 0.0);
  Dataset other = d.subset({0, 2});
  change_values(other, [](std::vector<float>& values) { values[1] = 5; });
  s.apply(other);
  EXPECT_FLOAT_EQ(values_of(other)[0], static_cast<float>(-2 / std::sqrt(14.0 / 3.0)));
  EXPECT_EQ(values_of(other)[1], 0.0f);
  EXPECT_FLOAT_EQ(values_of(other)[2], static_cast<float>(3 / std::sqrt(14.0 / 3.0)));
  EXPECT_EQ(values_of(d)[0], 1) << "what others share stays as it is";
  Dataset narrow = points_from_zero(3);
  expect_input_error([&] { s.apply(narrow); }, "fitted on 2 features");
}

}  // namespace
}  // namespace thaw::test
