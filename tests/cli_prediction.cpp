// What a comparison predicts: said first, judged last.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/compare_run.h"
#include "tests/support/messages.h"
#include "tests/support/untuned_comparison.h"

namespace thaw::test {
namespace {

using nlohmann::json;

struct CliPrediction : UntunedComparison {
  ProgramResult compare(const std::vector<std::string>& more) const { return untuned(2, more); }
};

TEST_F(CliPrediction, WhatIsPredictedIsSaidFirstAndJudgedLast) {
  const ProgramResult result =
      compare({"--set", "compare.predict=['head']", "--set", "compare.prediction='less can go wrong'"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json prediction = results()["prediction"];
  const std::string said = "predicted: head before gradual: less can go wrong (sha256 " +
                           prediction["sha256"].get<std::string>() + ")";
  EXPECT_LT(result.err.find(said), result.err.find("1 of 10")) << result.err;
  double difference = 0;
  for (const CsvRow& row : read_csv(run + "/results.csv")) {
    if (row.at("strategy") == "head") difference += std::stod(row.at("value")) / 2;
    if (row.at("strategy") == "gradual") difference -= std::stod(row.at("value")) / 2;
  }
  EXPECT_NEAR(prediction["contrast"]["mean"].get<double>(), difference, 1e-6);
}

TEST_F(CliPrediction, APredictionOfWhatIsLeftOutIsLeftOut) {
  const ProgramResult result = compare(
      {"--strategies", "full", "--set", "compare.predict=['head']", "--set", "compare.prediction='so'"});
  EXPECT_EQ(result.code, 0) << result.err;
  expect_has(result.err, "the prediction is left out: it names \"head\", which --strategies leaves out");
  EXPECT_TRUE(results()["prediction"].is_null());
}

TEST_F(CliPrediction, APredictionThatCannotBeJudgedIsRefused) {
  const ProgramResult result =
      compare({"--set", "compare.predict=['head']", "--set", "compare.strategies=['full', 'top-1']"});
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "compare.predict names \"head\", which is not in compare.strategies");
  EXPECT_FALSE(std::filesystem::exists(run));
}

}  // namespace
}  // namespace thaw::test
