// Why a strategy may be below the probe: of what was looked at, and of nothing else.
#include "finetune/report/below_probe.h"

#include <gtest/gtest.h>

#include "finetune/report/footnotes.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

struct BelowProbe : ::testing::Test {
  BelowProbe() {
    outcome.metric = "accuracy";
    outcome.tuned = true;
    outcome.runs.emplace_back();
    outcome.runs[0].strategy = "head";
    outcome.runs[0].status = RunStatus::ok;
    outcome.runs[0].completed = 1000;
  }
  std::string why(const std::vector<double>& losses = {}) {
    std::vector<LayerSample>& layer_samples = outcome.runs[0].layer_samples;
    layer_samples.clear();
    for (const double loss : losses)
      layer_samples.push_back({.step = static_cast<std::int64_t>(layer_samples.size()), .loss = loss});
    std::string text;
    for (const std::string& reason : reasons_below_probe("head", outcome)) text += reason + "; ";
    return text;
  }
  void add_trial(double lr, bool chosen) {
    TuningTrial trial;
    trial.strategy = "head", trial.lr = lr, trial.status = RunStatus::ok, trial.chosen = chosen;
    outcome.trials.push_back(trial);
  }
  CompareOutcome outcome;
};

TEST_F(BelowProbe, NothingIsSaidOfWhatWasNotSeen) {
  EXPECT_EQ(why(), "");
  EXPECT_EQ(why({2, 1}), "") << "too few moments to tell";
  EXPECT_EQ(why({2, 1, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5}), "");
  EXPECT_TRUE(reasons_below_probe("another", outcome).empty());
}

TEST_F(BelowProbe, TheTrainingLossIsLookedAt) {
  expect_worded(why({2, 1.8, 1.6, 1.5, 1.4, 1.4, 1, 1}));
  expect_worded(why({2, 2, 2, 2, 2, 2, 2, 2}));
  expect_worded(why({2, 2, 2, 2, 1.9, 1.9, 1.8, 1.8}));
  const std::string fits = why({2, 1, 0.1, 0.01, 1e-3, 1e-3, 5e-4, 5e-4});
  expect_has(fits, "its training loss came down to 0.0005, so it fits what it trains on: try fewer updates");
  EXPECT_EQ(fits.find("more epochs"), std::string::npos) << fits;
}

TEST_F(BelowProbe, FewUpdatesAreNamed) {
  outcome.runs[0].completed = 12;
  expect_worded(why());
}

TEST_F(BelowProbe, SoIsTheEdgeOfTheRates) {
  add_trial(0.1, true);
  EXPECT_EQ(why(), "") << "one rate has no edge";
  add_trial(0.01, false);
  expect_worded(why());
  add_trial(1, false);
  EXPECT_EQ(why(), "");
  outcome.tuned = false;
  outcome.trials.clear();
  expect_worded(why());
}

TEST_F(BelowProbe, TheFootnoteHasThemByStrategy) {
  StrategySummary head, lora;
  head.strategy = "head", head.below_probe = true, head.below_probe_why = {"it had 12 updates: try more"};
  lora.strategy = "lora", lora.below_probe = true;
  outcome.summaries = {head, lora};
  const std::vector<Footnote> footnotes = footnotes_of(outcome);
  ASSERT_EQ(footnotes.size(), 1U);
  EXPECT_EQ(footnotes[0].words,
            "below the probe: a worse mean than the probe's. head: it had 12 updates: try more");
}

TEST_F(BelowProbe, PhasesThatNeverBeganHaveAFootnote) {
  StrategySummary head, lora;
  head.strategy = "head", head.never_began = {"phase 2 (epoch 9)"};
  lora.strategy = "lora", lora.kept_earlier_phase = 2, lora.runs = 3;
  outcome.summaries = {head, lora};
  const std::vector<Footnote> footnotes = footnotes_of(outcome);
  ASSERT_EQ(footnotes.size(), 2U);
  EXPECT_TRUE(footnotes[0].applies(head));
  EXPECT_FALSE(footnotes[0].applies(lora));
  expect_has(footnotes[0].words, "before a phase of its plan began; head: phase 2 (epoch 9)");
  expect_has(footnotes[1].words, "weights from before its last phase; lora: in 2 of 3 runs");
}

TEST_F(BelowProbe, TheMultipleOfTheLearningRateIsSaid) {
  StrategySummary full, head, lora;
  full.strategy = "full", full.lr_scale = 1;
  head.strategy = "head", head.lr_scale = 10;
  lora.strategy = "lora", lora.lr_scale = 10;
  outcome.lr = 1e-3;
  outcome.summaries = {full};
  EXPECT_EQ(rates_text(outcome), "");
  outcome.summaries = {full, head, lora};
  EXPECT_EQ(rates_text(outcome),
            " Learning rates are tried around train.lr = 0.001, for head and lora around 10 times it.");
}

}  // namespace
}  // namespace thaw::test
