// The result of a comparison on a terminal.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "finetune/common/text_table.h"
#include "finetune/compare/compare.h"
#include "finetune/report/summary_text.h"
#include "tests/support/comparison.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

struct SummaryText : ::testing::Test {
  SummaryText() {
    for (StrategySummary& s : outcome.summaries) {
      s.flops = 1e9;
      s.lr = 0.1;
      s.peak_bytes = {1e6, 1e6, 1e6};
    }
  }
  // Without its line ends.
  std::string words() const {
    std::string text = summary_text(outcome);
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }
  std::string heading(std::size_t width) const {
    const std::string text = summary_text(outcome, width);
    const std::size_t begin = text.find("\nstrategy ") + 1;
    return text.substr(begin, text.find('\n', begin) - begin);
  }
  bool has_column(std::size_t width, const std::string& name) const {
    return heading(width).find("  " + name) != std::string::npos;
  }
  CompareOutcome outcome =
      small_comparison({{"discriminative", 0.79, Verdict::worse}, {"bitfit", 0.8, Verdict::undetected}});
};

TEST_F(SummaryText, FitsTheTerminal) {
  const std::size_t whole = table_width(heading(1000));
  for (std::size_t width = 80; width <= whole; ++width)
    EXPECT_LE(table_width(summary_text(outcome, width)), width);
  expect_has(summary_text(outcome, whole), "no detected difference (detectable: \xc2\xb1");
  EXPECT_EQ(summary_text(outcome, whole).find("None detected:"), std::string::npos);
  expect_has(summary_text(outcome, whole - 1), "  none detected (\xc2\xb1");
  expect_has(summary_text(outcome, whole - 1), " None detected: ");
  EXPECT_TRUE(has_column(whole - 1, "peak memory"));
  EXPECT_FALSE(has_column(100, "peak memory"));
  EXPECT_FALSE(has_column(80, "seconds"));
  EXPECT_FALSE(has_column(80, "lr"));
  for (const char* name : {"test accuracy", "difference", "FLOPs", "vs. full"})
    EXPECT_TRUE(has_column(80, name)) << name;
}

// An interval that is cut by what can be is written with its two ends, and still fits.
TEST_F(SummaryText, IntervalsWithUnequalSidesHaveTheirEnds) {
  expect_has(words(), " \xc2\xb1 is a 95 % interval");
  for (StrategySummary& s : outcome.summaries) {
    s.value = {0.76, 0.1234, 1};
    if (s.to_full) s.to_full->simultaneous = {-0.1, -1, 0.5};
  }
  expect_has(words(), " 0.7600 (0.123..1.000) ");
  expect_has(words(), " -0.1000 (-1.000..0.500) ");
  expect_has(words(), " (low..high) is a 95 % interval");
  outcome.summaries[0].value = {0.991, 0.9881, 0.9925};
  expect_has(words(), " 0.9910 (0.9881..0.9925) ");
  outcome.summaries[0].value = {0.8, 0.79, 0.81};
  expect_has(words(), " 0.8000 \xc2\xb1 0.0100 ");
  expect_has(words(), "\xc2\xb1 and (low..high) are a 95 % interval");
  EXPECT_LE(table_width(summary_text(outcome, 100)), 100U);
}

TEST_F(SummaryText, FootnotesAreNumberedFromOne) {
  EXPECT_EQ(words().find("[1]"), std::string::npos);
  outcome.summaries[1].exploratory = true;
  expect_has(words(), "discriminative [1] ");
  expect_has(words(), " [1] exploratory: added");
  outcome.summaries[2].below_probe = true;
  expect_has(words(), "discriminative [2] ");
  expect_has(words(), "bitfit [1] ");
  expect_has(words(), " [1] below the probe: a worse mean than the probe's. [2] exploratory: added");
}

TEST_F(SummaryText, WhatNothingWasChosenOnHasATableOfItsOwn) {
  EXPECT_EQ(words().find("second table"), std::string::npos);
  outcome.summaries[1].metrics = {{"macro_f1", {0.5, 0.4, 0.6}},
                                  {"near_accuracy", {0.25, 0.2, 0.3}},
                                  {"neighbours_kept", {0.125, 0.1, 0.2}}};
  const std::string text = summary_text(outcome);
  expect_has(text, "\n\naccuracy on       near  neighbours kept\n");
  expect_has(text, "\ndiscriminative  0.2500           0.1250\n");
  expect_has(words(), "The second table has means over seeds");
}

}  // namespace
}  // namespace thaw::test
