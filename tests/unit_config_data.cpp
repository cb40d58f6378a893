// The rows of the config table for [data]: which samples a run trains on, and how their values are changed.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

#include "tests/support/config_table.h"
#include "tests/support/files.h"

namespace thaw::test {
namespace {

using Runs = std::vector<ConfigRun>;
using Strings = std::vector<std::string>;
using Rows = std::set<int>;

// -- which rows a run trained on

constexpr int kRows = 20;
const char* const kLabels = "aaabaabcab";  // twice: 12 of a, 6 of b, 2 of c

// Row i is 2^i, so that the sum of some rows says which they are. `units`: the column group, two rows a
// value.
Setup powers_of_two() {
  std::string csv = "x,unit,label\n";
  for (int i = 0; i < kRows; ++i)
    csv += std::to_string(1 << i) + ",u" + std::to_string(i / 2) + "," + kLabels[i % 10] + "\n";
  return {
      "[data]\ntrain = \"t.csv\"\nstandardize = \"train\"\nvalidation_fraction = 0\nfeatures = [\"x\"]\n"
      "[train]\nepochs = 1\nbatch_size = 1\ncheckpoint_every = \"never\"\n",
      {{"t.csv", csv}}};
}

// By the mean that the run's values are less, which is that of the rows that it trains on; one each update.
Rows trained_rows(const ConfigRun& run) {
  EXPECT_EQ(run.error, "");
  if (!run.error.empty()) return {};
  const double sum = run.preprocess.at("mean").at(0).get<double>() * static_cast<double>(run.updates.size());
  const auto bits = static_cast<std::uint64_t>(std::llround(sum));
  EXPECT_EQ(std::popcount(bits), static_cast<int>(run.updates.size()))
      << "the mean " << sum << " is not that of the rows trained on";
  Rows rows;
  for (int i = 0; i < kRows; ++i)
    if ((bits >> i & 1U) != 0) rows.insert(i);
  return rows;
}

std::map<char, int> counts_of(const Rows& rows) {
  std::map<char, int> counts;
  for (const int row : rows) ++counts[kLabels[row % 10]];
  return counts;
}

Rows all_rows() {
  Rows rows;
  for (int i = 0; i < kRows; ++i) rows.insert(i);
  return rows;
}

KeyRow validation_fraction() {
  return train_row(
      "data.validation_fraction", {"0", "0.2", "0.5"}, powers_of_two(), {},
      [](const Runs& runs, const Again&) {
        EXPECT_EQ(trained_rows(runs[0]), all_rows());
        EXPECT_TRUE(runs[0].evaluations.empty());
        EXPECT_EQ(runs[1].samples_in("validation"), 4);
        EXPECT_EQ(counts_of(trained_rows(runs[1])), (std::map<char, int>{{'a', 10}, {'b', 5}, {'c', 1}}));
        EXPECT_EQ(runs[2].samples_in("validation"), 10);
        EXPECT_EQ(counts_of(trained_rows(runs[2])), (std::map<char, int>{{'a', 6}, {'b', 3}, {'c', 1}}));
      });
}

KeyRow test_fraction() {
  return train_row(
      "data.test_fraction", {"", "0.2", "0.5"}, powers_of_two(), {},
      [](const Runs& runs, const Again& again) {
        EXPECT_EQ(trained_rows(runs[0]), all_rows());
        EXPECT_EQ(runs[0].report.at("test_evaluations"), 0);
        EXPECT_EQ(runs[1].samples_in("test"), 4);
        EXPECT_EQ(trained_rows(runs[1]).size(), 16u);
        EXPECT_EQ(runs[1].report.at("test_evaluations"), 1);
        EXPECT_EQ(trained_rows(runs[2]).size(), 10u);
        EXPECT_NE(runs[1].report.at("test_sha256"), runs[2].report.at("test_sha256"));
        // The two shares are shares of what is left, and have no sample in common.
        const ConfigRun both = again({"data.test_fraction=0.2", "data.validation_fraction=0.25"});
        EXPECT_EQ(both.samples_in("validation"), 4);
        EXPECT_EQ(trained_rows(both).size(), 12u);
      });
}

KeyRow split_seed() {
  return train_row("data.split_seed", {"0", "1", "0"}, powers_of_two(), {"data.validation_fraction=0.5"},
                   [](const Runs& runs, const Again& again) {
                     EXPECT_EQ(trained_rows(runs[0]).size(), 10u);
                     EXPECT_NE(trained_rows(runs[0]), trained_rows(runs[1]));
                     EXPECT_EQ(trained_rows(runs[0]), trained_rows(runs[2]));
                     EXPECT_EQ(trained_rows(again({"train.seed=5"})), trained_rows(runs[0]));
                   });
}

KeyRow group() {
  return train_row("data.group", {"", "\"unit\""}, powers_of_two(), {"data.validation_fraction=0.5"},
                   [](const Runs& runs, const Again&) {
                     const auto parted = [](const Rows& rows) {
                       int units = 0;
                       for (int i = 0; i < kRows; i += 2) units += rows.count(i) != rows.count(i + 1) ? 1 : 0;
                       return units;
                     };
                     EXPECT_GT(parted(trained_rows(runs[0])), 0) << "or this shows nothing";
                     EXPECT_EQ(parted(trained_rows(runs[1])), 0);
                     EXPECT_GT(runs[1].samples_in("validation"), 0);
                   });
}

// The mean of trained_rows() is that of the drawn samples alone, not of all that they are drawn from.
KeyRow samples_per_class() {
  return train_row(
      "data.samples_per_class", {"", "2", "1"}, powers_of_two(), {},
      [](const Runs& runs, const Again& again) {
        const std::map<char, int> two = {{'a', 2}, {'b', 2}, {'c', 2}}, one = {{'a', 1}, {'b', 1}, {'c', 1}};
        EXPECT_EQ(trained_rows(runs[0]), all_rows());
        EXPECT_EQ(counts_of(trained_rows(runs[1])), two);
        EXPECT_EQ(counts_of(trained_rows(runs[2])), one);
        const Settings other = {"data.samples_per_class=2", "train.seed=1"};
        EXPECT_NE(trained_rows(again(other)), trained_rows(runs[1])) << "anew for each seed";
      });
}

KeyRow limit() {
  return train_row("data.limit", {"", "10"}, powers_of_two(), {}, [](const Runs& runs, const Again& again) {
    EXPECT_EQ(trained_rows(runs[0]), all_rows());
    EXPECT_EQ(counts_of(trained_rows(runs[1])), (std::map<char, int>{{'a', 6}, {'b', 3}, {'c', 1}}));
    EXPECT_NE(trained_rows(again({"data.limit=10", "train.seed=1"})), trained_rows(runs[1]));
  });
}

KeyRow rows() {
  return train_row("data.rows", {"", "[3, 9]"}, powers_of_two(), {}, [](const Runs& runs, const Again&) {
    EXPECT_EQ(trained_rows(runs[0]), all_rows());
    EXPECT_EQ(trained_rows(runs[1]), (Rows{3, 4, 5, 6, 7, 8}));
  });
}

KeyRow merge() {
  return train_row("data.merge",
                   {"", "{ both = [\"b\", \"c\"], a = [\"a\"] }", "{ one = [\"a\"], other = [\"c\"] }"},
                   powers_of_two(), {}, [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].preprocess.at("labels"), (Strings{"a", "b", "c"}));
                     EXPECT_EQ(runs[1].preprocess.at("labels"), (Strings{"a", "both"}));
                     EXPECT_EQ(trained_rows(runs[1]), all_rows());
                     EXPECT_EQ(runs[2].preprocess.at("labels"), (Strings{"one", "other"}));
                     EXPECT_EQ(counts_of(trained_rows(runs[2])), (std::map<char, int>{{'a', 12}, {'c', 2}}));
                   });
}

KeyRow classes() {
  return train_row("data.classes", {"", "[\"c\", \"a\"]"}, powers_of_two(), {},
                   [](const Runs& runs, const Again&) {
                     EXPECT_EQ(runs[0].preprocess.at("labels"), (Strings{"a", "b", "c"}));
                     EXPECT_EQ(runs[1].preprocess.at("labels"), (Strings{"c", "a"}));
                     EXPECT_EQ(counts_of(trained_rows(runs[1])), (std::map<char, int>{{'a', 12}, {'c', 2}}));
                   });
}

// -- values

KeyRow standardize() {
  Setup setup = powers_of_two();
  setup.prepare = [text = setup.text](const TemporaryFolder& folder) {
    EXPECT_EQ(train(folder, text, {"data.rows=[2, 10]"}, "pre").error, "");
  };
  return train_row(
      "data.standardize", {"\"train\"", "\"model\"", "true", "false", "\"\""}, setup, {"model.from=pre"},
      [](const Runs& runs, const Again& again) {
        // Of the rows 2^2 to 2^9: their squares have the mean 43690.
        const double mean = 127.5, deviation = std::sqrt(43690 - mean * mean);
        EXPECT_EQ(trained_rows(runs[0]), all_rows());
        EXPECT_NEAR(runs[1].preprocess.at("mean").at(0).get<double>(), mean, 1e-3);
        EXPECT_NEAR(runs[1].preprocess.at("deviation").at(0).get<double>(), deviation, 1e-3);
        EXPECT_EQ(runs[2].preprocess.at("mean"), runs[1].preprocess.at("mean")) << "the model has them";
        EXPECT_TRUE(runs[3].preprocess.at("mean").empty());
        EXPECT_EQ(trained_rows(again({"model.from=mlp", "data.standardize=true"})), all_rows());
        EXPECT_NE(again({"model.from=mlp", "data.standardize=model"}).error, "");
        // Validation data are treated alike: the same samples have the same loss.
        for (const char* scaling : {"train", "model"}) {
          const ConfigRun run = again({std::string("data.standardize=") + scaling, "data.validation=t.csv",
                                       "train.batch_size=0", "train.lr=1e-30"});
          EXPECT_NEAR(run.losses().at(0), run.validation("loss"), 1e-6) << scaling;
        }
        // What the network sees of one row follows: its first loss.
        const Settings first = {"train.shuffle=false", "data.rows=[2, 10]", "train.lr=1e-30"};
        const double own = again(first + Settings{"data.standardize=train"}).losses().at(0);
        EXPECT_NEAR(again(first + Settings{"data.standardize=model"}).losses().at(0), own, 1e-6);
        EXPECT_GT(std::abs(again(first + Settings{"data.standardize=false"}).losses().at(0) - own), 1e-3);
      });
}

constexpr int kCentre = 3 * 8 + 3;  // of an image; pixels at its edge are 0

// Means of pixels show what was done to images.
KeyRow corrupt() {
  const Setup setup = {
      "[data]\ntrain = \"builtin:digits\"\nrows = [0, 100]\nstandardize = \"train\"\n"
      "validation_fraction = 0\n[model]\nhidden = [2]\n[train]\nepochs = 0\n"};
  return train_row("data.corrupt", {"", "\"invert\"", "\"blur\"", "\"noise\""}, setup, {},
                   [](const Runs& runs, const Again&) {
                     std::vector<double> mean, deviation;
                     for (const ConfigRun& run : runs) {
                       ASSERT_EQ(run.error, "");
                       mean.push_back(run.preprocess.at("mean").at(kCentre).get<double>());
                       deviation.push_back(run.preprocess.at("deviation").at(kCentre).get<double>());
                     }
                     EXPECT_NEAR(mean[1], 1 - mean[0], 1e-6);
                     EXPECT_NEAR(deviation[1], deviation[0], 1e-6);
                     EXPECT_LT(deviation[2], 0.9 * deviation[0]) << "blurred";
                     EXPECT_NE(mean[3], mean[0]);
                     EXPECT_TRUE(runs[3].said("data.corrupt = \"noise\""));
                     EXPECT_FALSE(runs[0].said("data.corrupt"));
                   });
}

KeyRow augment() {
  const Setup setup{
      "[data]\ntrain = \"builtin:digits\"\nrows = [0, 40]\n[model]\nfrom = \"cnn\"\n[train]\nepochs = 2\n"};
  return train_row("data.augment", {"", "[]", "[\"flip\", \"crop\"]", "\"color\"", "[\"randaugment\"]"},
                   setup, {}, [](const Runs& runs, const Again& again) {
                     EXPECT_EQ(runs[0].losses(), runs[1].losses()) << runs[0].error;
                     EXPECT_FALSE(runs[0].losses().empty());
                     for (std::size_t i = 2; i < runs.size(); ++i) {
                       EXPECT_EQ(runs[i].error, "");
                       for (std::size_t j = 0; j < i; ++j)
                         EXPECT_TRUE(i == 1 || runs[i].losses() != runs[j].losses());
                     }
                     EXPECT_EQ(again({"data.augment=color"}).losses(), runs[3].losses());
                   });
}

}  // namespace

std::vector<KeyRow> data_key_rows() {
  return {validation_fraction(),
          test_fraction(),
          split_seed(),
          group(),
          samples_per_class(),
          limit(),
          rows(),
          merge(),
          classes(),
          corrupt(),
          augment(),
          standardize()};
}

}  // namespace thaw::test
