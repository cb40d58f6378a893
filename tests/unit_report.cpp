// The report's page, and the paragraph that says what a comparison found.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "finetune/report/html/comparison_page.h"
#include "finetune/report/verdict.h"
#include "tests/support/comparison.h"

namespace thaw::test {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

#define EXPECT_SAYS(text, part) EXPECT_TRUE(has(text, part)) << "lacks: " << (part) << "\nin: " << (text)
#define EXPECT_NOT_SAID(text, part) EXPECT_FALSE(has(text, part)) << "has: " << (part) << "\nin: " << (text)

// -- the verdict

TEST(Verdict, SaysWhatIsBetterWorseEquivalentAndUndetected) {
  const std::string text = verdict_paragraph(small_comparison({{"top-1", 0.84, Verdict::better},
                                                               {"head", 0.75, Verdict::worse},
                                                               {"l2-sp", 0.801, Verdict::equivalent},
                                                               {"gradual", 0.81, Verdict::undetected},
                                                               {"bitfit", 0.81, Verdict::undetected}}));
  EXPECT_SAYS(text, "5 strategies were compared with full, each with 2 seeds on 100 test examples.");
  EXPECT_SAYS(text,
              "Better than full: top-1; worse than full: head; equivalent to full within ±0.01: l2-sp.");
  EXPECT_SAYS(text,
              "For gradual and bitfit no difference was detected; a true difference of 0.03 would have been");
  EXPECT_SAYS(text,
              "top-1 has the best mean accuracy of the strategies, 0.84; it is the best of them in 16.7 % of "
              "the bootstrap draws.");
  // bitfit is the last, so it has the fewest FLOPs: a sixth of full's.
  EXPECT_SAYS(text,
              "The cheapest strategy not found worse is bitfit (which does not show that it is as good): 167 "
              "MFLOP a run vs. 1 GFLOP of full (16.7 %), 1.67 vs. 10 seconds of training, 1 MB vs. 1 MB");
  for (const char* caveat :
       {"Untuned", "Exploratory", "failed", "Predicted", "interrupted", "below the probe"})
    EXPECT_NOT_SAID(text, caveat);
}

TEST(Verdict, OneStrategyWithoutADetectedDifference) {
  const std::string text = verdict_paragraph(small_comparison({{"head", 0.79, Verdict::undetected}}));
  EXPECT_SAYS(text, "head was compared with full");
  EXPECT_SAYS(text, "No difference to full was detected; a true difference of 0.03 would have been");
}

TEST(Verdict, RangeOfDetectableDifferences) {
  CompareOutcome outcome =
      small_comparison({{"head", 0.79, Verdict::undetected}, {"top-1", 0.79, Verdict::undetected}});
  outcome.summaries[2].to_full->detectable = 0.12;
  EXPECT_SAYS(verdict_paragraph(outcome),
              "No difference to full was detected for any of them; a true difference of 0.03 to 0.12, "
              "depending on the "
              "strategy, would have been detected with probability 0.8.");
}

TEST(Verdict, AllWorseLeavesNoStandIn) {
  const std::string text =
      verdict_paragraph(small_comparison({{"head", 0.7, Verdict::worse}, {"top-1", 0.7, Verdict::worse}}));
  EXPECT_SAYS(text, "Worse than full: head and top-1.");
  EXPECT_SAYS(text, "none is a cheaper stand-in");
  EXPECT_NOT_SAID(text, "The cheapest strategy");
}

TEST(Verdict, NoneCheaperThanFull) {
  CompareOutcome outcome = small_comparison({{"l2-sp", 0.8, Verdict::equivalent}});
  outcome.summaries[1].flops = outcome.summaries[0].flops;
  EXPECT_SAYS(verdict_paragraph(outcome),
              "None of those that were not found worse needs fewer FLOPs than full.");
}

TEST(Verdict, OneSeedSpeaksOfExamplesAlone) {
  CompareOutcome outcome = small_comparison({{"head", 0.79, Verdict::undetected}});
  std::erase_if(outcome.runs, [](const ReportedRun& run) { return run.seed > 0; });
  const std::string text = verdict_paragraph(outcome);
  EXPECT_SAYS(text, "with 1 seed on 100 test examples");
  EXPECT_SAYS(text, "With one seed the intervals speak of new test examples, not of new seeds.");
}

TEST(Verdict, WithoutFullNothingIsJudged) {
  CompareOutcome outcome = small_comparison({{"head", 0.79, Verdict::worse}, {"top-1", 0.8, Verdict::worse}});
  outcome.summaries.erase(outcome.summaries.begin());
  for (StrategySummary& s : outcome.summaries) s.to_full.reset();
  const std::string text = verdict_paragraph(outcome);
  EXPECT_SAYS(text,
              "head and top-1 were run with 2 seeds on 100 test examples; full is not among them, so no "
              "difference is judged.");
  EXPECT_NOT_SAID(text, "worse");
}

TEST(Verdict, FullAlone) {
  EXPECT_SAYS(verdict_paragraph(small_comparison({})), "full alone was run with 2 seeds");
}

TEST(Verdict, FailedRunsAreCountedAndNamed) {
  CompareOutcome outcome =
      small_comparison({{"head", 0.79, Verdict::worse}, {"top-1", 0.8, Verdict::undetected}});
  outcome.summaries[1].to_full.reset();
  outcome.summaries[1].failed = 1;
  const std::string text = verdict_paragraph(outcome);
  EXPECT_SAYS(text, "top-1 was compared with full");
  EXPECT_SAYS(text,
              "1 of 6 runs failed or diverged (head 1 of 2); a strategy with such a run is not judged.");
}

TEST(Verdict, FullFailed) {
  CompareOutcome outcome = small_comparison({{"head", 0.79, Verdict::worse}});
  outcome.summaries[1].to_full.reset();
  outcome.summaries[0].failed = 1;
  EXPECT_SAYS(verdict_paragraph(outcome),
              "1 strategy and full were run with 2 seeds on 100 test examples; full did not "
              "end well with every seed, so nothing is compared with it.");
}

TEST(Verdict, EveryRunFailed) {
  CompareOutcome outcome = small_comparison({{"head", 0.79, Verdict::worse}});
  for (StrategySummary& s : outcome.summaries) s.failed = s.runs, s.to_full.reset();
  EXPECT_EQ(verdict_paragraph(outcome),
            "No strategy has a run that ended well: there is nothing to compare. 4 of 4 runs failed or "
            "diverged (full 2 "
            "of 2 and head 2 of 2); a strategy with such a run is not judged.");
}

TEST(Verdict, InterruptedJudgesNothing) {
  CompareOutcome outcome = small_comparison({{"head", 0.79, Verdict::worse}});
  outcome.summaries[1].to_full.reset();
  outcome.interrupted = true;
  const std::string text = verdict_paragraph(outcome);
  EXPECT_SAYS(text, "The comparison was interrupted after 4 reported runs: nothing is judged.");
  EXPECT_NOT_SAID(text, "worse");
}

TEST(Verdict, UntunedAndExploratory) {
  CompareOutcome outcome = small_comparison({{"head", 0.79, Verdict::worse}});
  outcome.tuned = false;
  outcome.earlier_evaluations = {"runs/a"};
  outcome.summaries[1].exploratory = true;
  const std::string text = verdict_paragraph(outcome);
  EXPECT_SAYS(text, "Untuned: this compares recipes");
  EXPECT_SAYS(text, "Exploratory: 1 earlier evaluation of the same test data is on record.");
  EXPECT_SAYS(text, "head was added after the test data had been evaluated on: exploratory.");
}

TEST(Verdict, BelowTheProbeAndABetterBaseline) {
  CompareOutcome outcome = small_comparison({{"head", 0.79, Verdict::worse}});
  outcome.summaries[1].below_probe = true;
  StrategySummary probe = outcome.summaries[1];
  probe.strategy = "probe", probe.is_baseline = true, probe.below_probe = false;
  probe.value.mean = 0.82, probe.to_full->verdict = Verdict::undetected;
  outcome.summaries.insert(outcome.summaries.begin(), probe);
  const std::string text = verdict_paragraph(outcome);
  EXPECT_SAYS(text, "head was compared with full");  // a baseline is no strategy
  EXPECT_SAYS(text, "Of the baselines: no difference to full detected: probe.");
  EXPECT_SAYS(text, "it is the best of them and the baselines in 50.0 % of the bootstrap draws");
  EXPECT_SAYS(text, "The baseline probe, at 0.82, has a better mean than all of them.");
  EXPECT_SAYS(text, "head is below the probe: a worse mean than that linear model's.");
}

TEST(Verdict, OfAnErrorLowerIsBest) {
  CompareOutcome outcome = small_comparison({{"head", 0.9, Verdict::worse}, {"top-1", 0.7, Verdict::better}});
  outcome.metric = "rmse";
  outcome.summaries[2].rank_probability[0] = 0.999;
  EXPECT_SAYS(verdict_paragraph(outcome),
              "top-1 has the best mean rmse of the strategies, 0.7 (lower is better); it is the best of them "
              "in 99.9 % of the "
              "bootstrap draws.");
}

TEST(Verdict, EqualMeansShareTheFirstPlace) {
  EXPECT_SAYS(verdict_paragraph(small_comparison({{"head", 0.8, Verdict::undetected}})),
              "full and head share the best mean accuracy of the strategies, 0.8.");
}

TEST(Verdict, PredictionSupportedRefutedOrNeither) {
  CompareOutcome outcome = small_comparison({{"head", 0.79, Verdict::worse}});
  Prediction prediction;
  prediction.sha256 = "9f86d081884c7d659a2f";
  prediction.best = {"full"}, prediction.among = {"full", "head"};
  outcome.prediction = prediction;
  const std::string said = "Predicted before the first run (SHA-256 9f86d081884c): full better than head";
  EXPECT_SAYS(verdict_paragraph(outcome), said + "; these runs do not allow a judgement of it.");
  outcome.prediction->contrast = outcome.summaries[1].to_full;
  const std::string interval = said + ". The 95 % interval of that difference, -0.07 to -0.03, ";
  EXPECT_SAYS(verdict_paragraph(outcome), interval + "refutes it.");
  outcome.prediction->contrast->verdict = Verdict::better;
  EXPECT_SAYS(verdict_paragraph(outcome), interval + "supports it.");
  outcome.prediction->contrast->verdict = Verdict::undetected;
  EXPECT_SAYS(verdict_paragraph(outcome), interval + "neither supports nor refutes it.");
}

// -- the page

struct Element {
  std::string name, attributes;
  bool opens = false, closes = false;
};

// The tags of a page as an XML parser would see them; what a style or a script holds is passed over.
std::vector<Element> elements(const std::string& page) {
  const std::regex tag(R"re(<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z:-]+="[^"<]*")*)\s*(/?)>)re");
  std::vector<Element> found;
  std::size_t at = page.find('>') + 1;  // behind the doctype
  for (at = page.find('<', at); at != std::string::npos; at = page.find('<', at)) {
    std::smatch match;
    // Tags are short; to search further is to search the rest of the page each time.
    const std::string here = page.substr(at, std::min<std::size_t>(page.find('>', at) - at + 1, 20000));
    if (!std::regex_match(here, match, tag)) {
      ADD_FAILURE() << "no well-formed tag: " << here.substr(0, 200);
      return found;
    }
    found.push_back(
        {match[2], match[3], match[1].length() == 0, match[1].length() > 0 || match[4].length() > 0});
    at += here.size();
    if (found.back().opens && (match[2] == "script" || match[2] == "style"))
      at = page.find("</" + match[2].str() + ">", at);
  }
  return found;
}

void expect_well_formed(const std::string& page) {
  std::vector<std::string> open;
  std::set<std::string> ids;
  const std::regex id("\\bid=\"([^\"]*)\""), ampersand("&(?!(amp|lt|gt|quot);)");
  for (const Element& element : elements(page)) {
    std::smatch match;
    if (std::regex_search(element.attributes, match, id)) {
      EXPECT_TRUE(ids.insert(match[1]).second) << "two elements have the id " << match[1];
    }
    if (element.opens) open.push_back(element.name);
    if (!element.closes) continue;
    ASSERT_FALSE(open.empty()) << "</" << element.name << "> closes nothing";
    ASSERT_EQ(open.back(), element.name);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty()) << open.back() << " is not closed";
  const std::string body = page.substr(page.find("<body>"), page.find("<script>") - page.find("<body>"));
  EXPECT_FALSE(std::regex_search(body, ampersand));
}

std::string page_of(const CompareOutcome& outcome) { return report_html(Config{}, outcome); }

TEST(Report, RichPageIsWellFormedWithEverySection) {
  const std::string page = page_of(rich_comparison(
      {.strategies = 5, .seeds = 2, .groups = 4, .evaluations = 4, .samples = 5, .updates = 40}));
  expect_well_formed(page);
  for (const char* id :
       {"result", "tuning", "pareto", "strategies", "data", "repeat", "notes", "runs", "differences", "ranks",
        "tuning-gradual", "pareto-seconds", "pareto-bytes", "timeline-top-1", "curve-accuracy-head",
        "curve-loss-head", "drift-full", "gradient-full", "update-full"})
    EXPECT_SAYS(page, std::string(" id=\"") + id + "\"");
  for (const char* words :
       {"macro F1", "calibration error", "baseline", "below the probe: a worse mean than the probe",
        "within half a point", "9f86d081884c7d659a2feaa0c55ad015", "GNU 12.2.0", "labelled subset",
        "1.2 GFLOP", "embeddings.word.weight", "every = &quot;2 epochs&quot;",
        "12 groups, none on two sides"})
    EXPECT_SAYS(page, words);
}

TEST(Report, NeedsNothingFromElsewhere) {
  const std::string page = page_of(rich_comparison({.strategies = 3, .seeds = 2}));
  EXPECT_EQ(count(page, "src="), 0U);
  EXPECT_EQ(count(page, "<link"), 0U);
  EXPECT_EQ(count(page, "@import"), 0U);
  EXPECT_EQ(count(page, "url("), 0U);
  EXPECT_EQ(count(page, "http"), 1 + count(page, "xmlns=\"http://www.w3.org/2000/svg\""));  // in the script
}

TEST(Report, EveryFigureHasATextAlternative) {
  const std::string page = page_of(rich_comparison({.strategies = 3, .seeds = 2}));
  const std::size_t figures = count(page, "<figure ");
  EXPECT_GT(figures, 15U);
  EXPECT_EQ(count(page, "<svg "), figures);
  EXPECT_EQ(count(page, "<svg role=\"img\""), figures);
  EXPECT_EQ(count(page, "</desc>"), figures);
  EXPECT_EQ(count(page, "<figcaption>"), figures);
  EXPECT_NOT_SAID(page, "></desc>");
}

TEST(Report, TextFromTheUserIsEscaped) {
  CompareOutcome outcome = rich_comparison({.strategies = 3, .seeds = 2});
  const std::string evil = "<script>alert(\"1\")</script>&\x01";
  outcome.name = outcome.cpu = outcome.config = outcome.budget = outcome.data.source = outcome.data.groups =
      evil;
  outcome.notes = outcome.earlier_evaluations = outcome.data.classes = {evil, "x"};
  outcome.prediction->text = evil;
  outcome.prediction->best = {evil};
  for (StrategySummary& s : outcome.summaries) {
    s.about = evil;
    if (s.strategy == "head") s.strategy = evil;
  }
  for (StrategyPicture& p : outcome.pictures) {
    p.groups.back() = evil;
    p.ledger.phases.back().blocked_by = evil;
    if (p.strategy == "head") p.strategy = evil;
  }
  for (ReportedRun& run : outcome.runs)
    if (run.strategy == "head") run.strategy = evil;
  for (TuningTrial& trial : outcome.trials) {
    trial.options = {{evil, evil}};
    if (trial.strategy == "head") trial.strategy = evil;
  }
  const std::string page = page_of(outcome);
  expect_well_formed(page);
  EXPECT_NOT_SAID(page, "<script>alert");
  EXPECT_NOT_SAID(page, "\x01");
  EXPECT_GT(count(page, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;"), 10U);
}

TEST(Report, TwelveStrategiesWithFiveSeedsStayBelowTwoMegabytes) {
  const std::string page = page_of(rich_comparison({.groups = 14, .updates = 3000}));
  EXPECT_LT(page.size(), 2'000'000U);
  expect_well_formed(page);
}

TEST(Report, NothingAtAllIsAPageToo) {
  const std::string page = page_of(CompareOutcome{});
  expect_well_formed(page);
  EXPECT_SAYS(page, "there is nothing to compare");
  EXPECT_SAYS(page, "No learning rates were tried");
}

// Whatever a comparison lacks, the page goes without.
TEST(Report, EachPartMayBeMissing) {
  using Change = void (*)(CompareOutcome&);
  const Change changes[] = {
      [](CompareOutcome& o) { o.summaries.clear(); },
      [](CompareOutcome& o) { o.runs.clear(); },
      [](CompareOutcome& o) { o.pictures.clear(); },
      [](CompareOutcome& o) { o.trials.clear(); },
      [](CompareOutcome& o) { o.data = {}; },
      [](CompareOutcome& o) { o.prediction.reset(), o.full_spread.reset(); },
      [](CompareOutcome& o) { o.pictures[1].groups.clear(), o.pictures[0].schedule.clear(); },
      [](CompareOutcome& o) { o.pictures[1].ledger = {}, o.pictures[0].timeline.clear(); },
      [](CompareOutcome& o) { o.pictures[1].schedule.assign(1, 0.0); },
      [](CompareOutcome& o) {
        for (StrategySummary& s : o.summaries)
          s.rank_probability.clear(), s.metrics.clear(), s.to_full.reset();
      },
      [](CompareOutcome& o) {
        for (ReportedRun& run : o.runs) run.evaluations.clear(), run.layer_samples.clear();
      },
      [](CompareOutcome& o) {
        for (ReportedRun& run : o.runs)
          for (LayerSample& sample : run.layer_samples) sample.gradient.clear(), sample.loss = NAN;
      },
      [](CompareOutcome& o) {
        for (StrategySummary& s : o.summaries) s.failed = s.runs;
        for (ReportedRun& run : o.runs) run.status = RunStatus::diverged;
      },
      [](CompareOutcome& o) {
        for (TuningTrial& trial : o.trials) trial.status = RunStatus::failed, trial.lr = 0;
      },
  };
  for (std::size_t i = 0; i < std::size(changes); ++i) {
    SCOPED_TRACE(i);
    CompareOutcome outcome = rich_comparison({.strategies = 3, .seeds = 2});
    changes[i](outcome);
    const std::string page = page_of(outcome);
    expect_well_formed(page);
    for (const char* number : {">nan<", ">inf<", ">-nan<", "\"nan\"", "NaN\""}) EXPECT_NOT_SAID(page, number);
  }
}

}  // namespace
}  // namespace thaw::test
