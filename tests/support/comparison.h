// A comparison with every field filled, made by formulas: for what reads comparisons and writes pages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/report/comparison.h"

namespace thaw::test {

struct ComparisonSize {
  std::int64_t strategies = 12;  // full among them
  std::int64_t seeds = 5;
  std::int64_t groups = 8;
  std::int64_t evaluations = 20;
  std::int64_t samples = 40;  // of watching
  std::int64_t updates = 400;
};

// Full is the first strategy; the verdicts of the others go round better, worse, equivalent, undetected.
CompareOutcome rich_comparison(const ComparisonSize& size = {});

// A small one: full and the given strategies, judged on 100 test examples with two seeds.
struct Judged {
  std::string strategy;
  double mean = 0;
  Verdict verdict = Verdict::undetected;
};
CompareOutcome small_comparison(const std::vector<Judged>& judged);

}  // namespace thaw::test
