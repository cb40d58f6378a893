// The rows of the config table for [compare], and for the keys of [data] that only a comparison shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/support/config_table.h"

namespace thaw::test {
namespace {

using Comparisons = std::vector<ConfigComparison>;
using Names = std::set<std::string>;
using nlohmann::json;

// Sixty rows, and as many others to test on; nothing tuned, one seed, full alone.
Setup small_comparison() {
  return {
      "[data]\ntrain = \"t.csv\"\ntest = \"test.csv\"\n[model]\nhidden = [4]\n"
      "[train]\nepochs = 1\nbatch_size = 16\ncheckpoint_every = \"never\"\n"
      "[compare]\nstrategies = [\"full\"]\nseeds = 1\ntune = 0\n",
      {{"t.csv", clusters_csv(60, 1)}, {"test.csv", clusters_csv(60, 2)}, {"far.csv", clusters_csv(40, 3)}}};
}

Names names(const ConfigComparison& comparison, const std::string& column,
            const std::string& strategy = "full") {
  return values_of(rows_with(comparison.rows, "strategy", strategy), column);
}

std::vector<double> tried(const ConfigComparison& comparison, const std::string& strategy) {
  std::vector<double> rates;
  for (const CsvRow& row : rows_with(comparison.trials, "strategy", strategy))
    rates.push_back(std::stod(row.at("lr")));
  std::sort(rates.begin(), rates.end());
  return rates;
}

KeyRow strategies() {
  return compare_row(
      "compare.strategies", {"[\"full\"]", "[\"head\", \"bitfit\"]"}, small_comparison(), {},
      [](const Comparisons& by) {
        EXPECT_EQ(values_of(by[0].rows, "strategy"), (Names{"majority", "probe", "full"})) << by[0].error;
        EXPECT_EQ(values_of(by[1].rows, "strategy"), (Names{"majority", "probe", "full", "head", "bitfit"}));
      });
}

KeyRow seeds() {
  return compare_row("compare.seeds", {"1", "3"}, small_comparison(), {"train.seed=4"},
                     [](const Comparisons& by) {
                       EXPECT_EQ(names(by[0], "seed"), Names{"4"}) << by[0].error;
                       EXPECT_EQ(names(by[1], "seed"), (Names{"4", "5", "6"}));
                       EXPECT_EQ(rows_with(by[1].rows, "strategy", "full").size(), 3u);
                     });
}

KeyRow repeats() {
  return compare_row("compare.repeats", {"1", "2"}, small_comparison(), {"compare.seeds=2", "data.limit=12"},
                     [](const Comparisons& by) {
                       EXPECT_EQ(rows_with(by[0].rows, "strategy", "full").size(), 2u) << by[0].error;
                       EXPECT_EQ(rows_with(by[1].rows, "strategy", "full").size(), 4u) << by[1].error;
                       std::multiset<int> draws;
                       for (const json& run : by[1].results.at("runs"))
                         if (run.at("strategy") == "full") draws.insert(run.at("draw").get<int>());
                       EXPECT_EQ(draws, (std::multiset<int>{0, 0, 1, 1})) << "each subset twice";
                       EXPECT_TRUE(by[0].results.at("spread_of_full").is_null());
                       EXPECT_FALSE(by[1].results.at("spread_of_full").is_null());
                     });
}

KeyRow tune() {
  return compare_row(
      "compare.tune", {"0", "3"}, small_comparison(), {"compare.strategies=[\"head\"]"},
      [](const Comparisons& by) {
        EXPECT_TRUE(by[0].trials.empty()) << by[0].error;
        EXPECT_EQ(names(by[0], "lr", "head"), Names{"0.001"});
        for (const auto& [strategy, middle] : std::map<std::string, double>{{"full", 1e-3}, {"head", 1e-2}}) {
          // Half a decade apart; at an edge two more are tried.
          const std::vector<double> rates = tried(by[1], strategy);
          EXPECT_GE(rates.size(), 3u) << by[1].error;
          EXPECT_LE(rates.size(), 5u);
          for (const double factor : {1 / std::sqrt(10.0), 1.0, std::sqrt(10.0)}) {
            const double wanted = middle * factor;
            EXPECT_TRUE(std::any_of(rates.begin(), rates.end(),
                                    [&](double rate) { return std::abs(rate / wanted - 1) < 1e-6; }))
                << strategy << " was not tried at " << wanted;
          }
        }
      });
}

KeyRow lr_grid() {
  return compare_row("compare.lr_grid", {"[0.02]", "[0.003, 0.5]"}, small_comparison(), {"compare.tune=3"},
                     [](const Comparisons& by) {
                       EXPECT_TRUE(by[0].trials.empty()) << "there is nothing to choose " << by[0].error;
                       EXPECT_EQ(names(by[0], "lr"), Names{"0.02"});
                       EXPECT_EQ(tried(by[1], "full"), (std::vector<double>{0.003, 0.5})) << by[1].error;
                     });
}

KeyRow rates() {
  return compare_row("compare.rates", {"", "{ head = 0.5 }"}, small_comparison(),
                     {"compare.strategies=[\"head\"]"}, [](const Comparisons& by) {
                       EXPECT_EQ(names(by[0], "lr", "head"), Names{"0.001"}) << by[0].error;
                       EXPECT_EQ(names(by[1], "lr", "head"), Names{"0.5"}) << by[1].error;
                       EXPECT_EQ(names(by[1], "lr"), Names{"0.001"});
                     });
}

KeyRow search() {
  return compare_row("compare.search", {"false", "true"}, small_comparison(),
                     {"compare.strategies=[\"l2-sp\"]", "compare.tune=7"}, [](const Comparisons& by) {
                       const auto options = [&](std::size_t i) {
                         return values_of(rows_with(by[i].trials, "strategy", "l2-sp"), "options");
                       };
                       EXPECT_EQ(options(0).size(), 1u) << by[0].error;
                       EXPECT_GT(options(1).size(), 1u) << "drawn anew for each rate " << by[1].error;
                     });
}

KeyRow budget() {
  return compare_row(
      "compare.budget", {"\"epochs\"", "\"flops=1e6\""}, small_comparison(), {}, [](const Comparisons& by) {
        EXPECT_EQ(names(by[0], "steps"), Names{"3"}) << by[0].error;  // 48 samples in batches of 16
        const double flops = std::stod(rows_with(by[1].rows, "strategy", "full").at(0).at("flops"));
        EXPECT_LE(flops, 1e6);
        EXPECT_GE(flops, 0.8e6);
      });
}

KeyRow predict() {
  return compare_row("compare.predict", {"", "[\"head\"]"}, small_comparison(),
                     {"compare.strategies=[\"head\", \"bitfit\"]"}, [](const Comparisons& by) {
                       EXPECT_TRUE(by[0].results.at("prediction").is_null()) << by[0].error;
                       const json& prediction = by[1].results.at("prediction");
                       EXPECT_EQ(prediction.at("best"), json{"head"}) << by[1].error;
                       EXPECT_EQ(prediction.at("among"), (json{"head", "bitfit"}));
                     });
}

KeyRow prediction() {
  return compare_row(
      "compare.prediction", {"\"so it is\"", "\"so it is not\""}, small_comparison(),
      {"compare.strategies=[\"head\", \"bitfit\"]", "compare.predict=[\"head\"]"}, [](const Comparisons& by) {
        const json &one = by[0].results.at("prediction"), &other = by[1].results.at("prediction");
        EXPECT_EQ(one.at("text"), "so it is") << by[0].error;
        EXPECT_EQ(other.at("text"), "so it is not");
        EXPECT_NE(one.at("sha256"), other.at("sha256"));
        EXPECT_NE(by[0].messages.find("so it is"), std::string::npos);
      });
}

KeyRow metric() {
  return compare_row("compare.metric", {"\"accuracy\"", "\"macro_f1\"", "\"loss\""}, small_comparison(), {},
                     [](const Comparisons& by) {
                       const std::vector<std::string> metrics = {"accuracy", "macro_f1", "loss"};
                       for (std::size_t i = 0; i < metrics.size(); ++i) {
                         EXPECT_EQ(names(by[i], "metric"), Names{metrics[i]}) << by[i].error;
                         for (const json& run : by[i].results.at("runs"))
                           EXPECT_EQ(run.at("value"), run.at("test").at(metrics[i])) << metrics[i];
                       }
                       EXPECT_EQ(by[0].results.at("higher_is_better"), true);
                       EXPECT_EQ(by[2].results.at("higher_is_better"), false);
                     });
}

// Strategies that learn nothing do not differ.
KeyRow margin() {
  return compare_row("compare.margin", {"1e-6", "0.9"}, small_comparison(),
                     {"train.lr=1e-30", "compare.strategies=[\"head\"]", "compare.seeds=3"},
                     [](const Comparisons& by) {
                       const auto verdict = [&](std::size_t i) -> std::string {
                         for (const json& strategy : by[i].results.at("strategies"))
                           if (strategy.at("strategy") == "head")
                             return strategy.at("difference_to_full").at("verdict");
                         return by[i].error;
                       };
                       EXPECT_NE(verdict(0), verdict(1));
                       EXPECT_EQ(verdict(1), "equivalent within ±0.9");
                     });
}

KeyRow training_score() {
  return compare_row("compare.training_score", {"false", "true"}, small_comparison(),
                     {"data.test=t.csv", "data.duplicates=warn", "data.validation=far.csv"},
                     [](const Comparisons& by) {
                       for (const json& run : by[0].results.at("runs"))
                         EXPECT_FALSE(run.at("test").contains("training_accuracy"));
                       ASSERT_EQ(by[1].error, "");
                       // Tested on the very samples that they train on.
                       for (const json& run : by[1].results.at("runs"))
                         EXPECT_EQ(run.at("test").at("training_accuracy"), run.at("test").at("accuracy"))
                             << run.at("strategy");
                     });
}

KeyRow neighbours() {
  return compare_row("compare.neighbours", {"0", "3"}, small_comparison(), {"train.lr=1e-30"},
                     [](const Comparisons& by) {
                       EXPECT_EQ(by[0].rows.at(0).count("neighbours_kept"), 0u) << by[0].error;
                       EXPECT_EQ(names(by[1], "neighbours_kept"), Names{"1.0"})
                           << "training changed nothing " << by[1].error;
                     });
}

KeyRow shifted() {
  return compare_row(
      "data.shifted", {"", "{ far = \"far.csv\", near = \"copy.csv\" }"},
      [] {
        Setup setup = small_comparison();
        setup.files["copy.csv"] = setup.files["test.csv"];
        return setup;
      }(),
      {},
      [](const Comparisons& by) {
        EXPECT_EQ(by[0].rows.at(0).count("far_accuracy"), 0u);
        EXPECT_EQ(names(by[1], "near_accuracy"), names(by[1], "value")) << by[1].error;
        EXPECT_NE(names(by[1], "far_accuracy"), names(by[1], "value"));
        EXPECT_EQ(names(by[1], "value"), names(by[0], "value")) << "it chooses nothing";
      });
}

KeyRow duplicates() {
  Setup setup = small_comparison();
  const std::string &train = setup.files["t.csv"], &test = setup.files["test.csv"];
  setup.files["test.csv"] =
      test + train.substr(train.find('\n') + 1, train.find('\n', train.find('\n') + 1) - train.find('\n'));
  return compare_row("data.duplicates", {"", "\"warn\""}, setup, {}, [](const Comparisons& by) {
    EXPECT_NE(by[0].error.find("1 row of"), std::string::npos) << by[0].error;
    EXPECT_EQ(by[1].error, "");
    EXPECT_NE(by[1].messages.find("warning: 1 row of"), std::string::npos) << by[1].messages;
  });
}

}  // namespace

std::vector<KeyRow> compare_key_rows() {
  return {strategies(),     seeds(),      repeats(), tune(),       lr_grid(), rates(),
          search(),         budget(),     predict(), prediction(), metric(),  margin(),
          training_score(), neighbours(), shifted(), duplicates()};
}

}  // namespace thaw::test
