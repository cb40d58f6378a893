// Compare: every strategy on equal terms, on real data, with the test set looked at once per reported run.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "finetune/inference.h"
#include "finetune/plan_report.h"
#include "finetune/run.h"

namespace thaw {

struct CompareRequest {
  Config config;  // [compare] says strategies, seeds, tune, lr_grid
  std::string out;
  bool allow_missing = false;  // weights that the folder lacks stay as initialised
  std::string version, compiler;
  std::function<void(const std::string&)> message;
  // Runs done and runs in all (tuning and reported), and what runs now.
  std::function<void(std::int64_t done, std::int64_t total, const std::string& what)> progress;
};

// One reported run: a row of results.csv.
struct ReportedRun {
  std::string strategy;
  std::uint64_t seed = 0;
  std::string status;  // "ok", "diverged", "failed"
  double lr = 0;
  std::string metric;
  double value = 0;  // of `metric` on the test data
  double loss = 0;
  double seconds = 0;
  double flops = 0;
  std::int64_t peak_bytes = 0;
  std::int64_t trainable = 0;
  std::int64_t steps = 0;
  std::vector<float> scores;  // of each test example; their mean is `value`
};

// One learning rate of one strategy, judged on validation data: a row of tuning.csv.
struct TuningTrial {
  std::string strategy;
  double lr = 0;
  std::uint64_t seed = 0;
  std::string status;
  double validation_loss = 0;
  double validation_value = 0;
  double seconds = 0;
  bool chosen = false;
};

// What a strategy's reported runs say together.
struct StrategySummary {
  std::string strategy;
  std::int64_t runs = 0, failed = 0;
  double lr = 0;
  Interval value;                   // of the metric, 95 % t-interval over seeds
  std::optional<Contrast> to_full;  // where every run of both ended well
  double best_probability = 0;      // among the strategies so judged
  double seconds = 0, flops = 0;    // means per run
  double peak_bytes = 0, trainable = 0;
  double tuning_seconds = 0;
};

// What the report draws of a strategy: what was trainable when, and at which learning rate.
struct StrategyPicture {
  std::string strategy;
  std::vector<std::string> groups;        // bottom to top
  std::vector<TimelineSegment> timeline;  // finetune/plan_report.h
  std::vector<double> schedule;           // of each update, as a multiple of the base rate
  Ledger ledger;                          // of the first reported run
};

struct CompareOutcome {
  std::string name;
  std::vector<std::string> notes;  // about the data and what was left out
  std::string metric;
  bool tuned = false;
  std::vector<ReportedRun> runs;
  std::vector<TuningTrial> trials;
  std::vector<StrategySummary> summaries;
  std::vector<StrategyPicture> pictures;
  bool interrupted = false;
  bool all_ok() const;
};

CompareOutcome compare(const CompareRequest& request);

// The result as a table for a terminal.
std::string summary_text(const CompareOutcome& outcome);

}  // namespace thaw
