// Confusion matrices: counts, ratios that are 0 / 0, JSON, and the report's section.
#include "finetune/task/confusion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "finetune/report/html/confusion.h"
#include "finetune/task/metrics_json.h"
#include "tests/support/datasets.h"

namespace thaw::test {
namespace {

// Two of a taken for a and for b, one of b taken for b; c neither occurs nor is answered, d is answered for
// b.
Confusion counted() {
  Dataset data = labelled_samples({0, 0, 1, 1});
  data.classes = {"a", "b", "c", "d"};
  return confusion_of({4, {1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1}}, data);
}

TEST(Confusion, CountsAnswersByClass) {
  EXPECT_EQ(counted(), (Confusion{{{0, 0}, 1}, {{0, 1}, 1}, {{1, 1}, 1}, {{1, 3}, 1}}));
  Confusion twice = counted();
  add(counted(), twice);
  EXPECT_EQ((twice[{0, 1}]), 2);
}

TEST(Confusion, IsEmptyForNumbersAndWhatIsNotFinite) {
  EXPECT_TRUE(confusion_of({1, {1}}, target_samples({1})).empty());
  EXPECT_TRUE(confusion_of({2, {NAN, 0}}, labelled_samples({0})).empty());
}

TEST(Confusion, AsJson) {
  EXPECT_EQ(confusion_json(counted(), {"a", "b", "c", "d"}).dump(),
            R"({"classes":["a","b","c","d"],)"
            R"("confusion":[[1,1,0,0],[0,1,0,1],[0,0,0,0],[0,0,0,0]],)"
            R"("per_class":[{"class":"a","precision":1.0,"recall":0.5,"f1":0.6666666666666666,"support":2},)"
            R"({"class":"b","precision":0.5,"recall":0.5,"f1":0.5,"support":2},)"
            R"({"class":"c","precision":null,"recall":null,"f1":null,"support":0},)"
            R"({"class":"d","precision":0.0,"recall":null,"f1":0.0,"support":0}]})");
}

CompareOutcome outcome_with(std::vector<std::string> classes) {
  CompareOutcome outcome;
  outcome.data.classes = std::move(classes);
  for (const std::uint64_t seed : {0U, 1U}) {
    ReportedRun run;
    run.strategy = "full";
    run.seed = seed;
    run.status = RunStatus::ok;
    run.confusion = counted();
    outcome.runs.push_back(run);
  }
  StrategySummary full;
  full.strategy = "full";
  full.runs = 2;
  outcome.summaries.push_back(full);
  return outcome;
}

TEST(ConfusionSection, DrawsTheSumOverSeeds) {
  const std::string html = report::confusion_section(outcome_with({"a<", "b", "c", "d"}));
  EXPECT_NE(html.find("full: samples of each class by answer, 2 runs together"), std::string::npos);
  EXPECT_NE(
      html.find("<th scope=\"row\">a&lt;</th><td style=\"background-color: rgb(0 128 92 / 0.300)\">2</td>"),
      std::string::npos)
      << html;
  EXPECT_NE(html.find("<th scope=\"row\">precision</th><td>1.000</td><td>0.500</td><td>-</td><td>0.000</td>"),
            std::string::npos);
}

TEST(ConfusionSection, ListsMistakesWhereClassesAreMany) {
  std::vector<std::string> classes;
  for (int c = 0; c < 77; ++c) classes.push_back("c" + std::to_string(c));
  const std::string html = report::confusion_section(outcome_with(classes));
  EXPECT_NE(html.find("There are 77 classes, more than the 20 that a matrix is drawn for"),
            std::string::npos);
  EXPECT_NE(html.find("the most frequent mistakes, 2 runs together"), std::string::npos);
  EXPECT_EQ(html.find("samples of each class"), std::string::npos);
}

TEST(ConfusionSection, IsLeftOutWithoutCountsThatFit) {
  CompareOutcome outcome = outcome_with({"a", "b", "c", "d"});
  outcome.runs[1].confusion.clear();
  EXPECT_EQ(report::confusion_section(outcome), "");
  outcome.runs[1].confusion = {{{0, 9}, 1}};
  EXPECT_EQ(report::confusion_section(outcome), "");
}

}  // namespace
}  // namespace thaw::test
