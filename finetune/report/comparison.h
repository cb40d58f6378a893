// What a comparison found, as data: everything that its tables, its report and its files are made of.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/plan/plan_timeline.h"
#include "finetune/report/inference.h"
#include "finetune/train/run_result.h"

namespace thaw {

// One reported run: a row of results.csv.
struct ReportedRun : RunResult {
  std::string strategy;
  std::uint64_t seed = 0;
  std::uint64_t draw = 0;  // the seed of the labelled subset: runs of one draw trained on the same samples
  double lr = 0;           // 0: a baseline without one
  std::string metric;
  double value = 0;     // of `metric` on the test data
  double loss = 0;      // there
  std::string machine;  // its processor and threads; empty: a journal of before this was kept

  // `metric` on the validation data, of the weights that were kept. NaN: it was not evaluated.
  double validation_value() const;
};

// One choice of learning rate and options, judged on validation data: a row of tuning.csv.
struct TuningTrial {
  std::string strategy;
  double lr = 0;
  OptionMap options = {};  // what was tried beside the learning rate
  std::uint64_t seed = 0;
  RunStatus status = RunStatus::failed;
  double validation_loss = 0;
  double validation_value = 0;
  double seconds = 0;
  bool chosen = false;
};

struct MetricInterval {
  std::string name;   // "loss", "accuracy", ..
  Interval interval;  // 95 %, Student's t over labelled subsets
};

// What a strategy's reported runs say together.
struct StrategySummary {
  std::string strategy;
  bool is_baseline = false;  // majority, as-is, probe, norm-stats, scratch
  std::string about;         // of a baseline: what it is; else the strategy's summary
  std::int64_t runs = 0, failed = 0;
  double lr = 0;
  double lr_scale = 0;                       // times train.lr: what was tried was around that; 0: it was not
  OptionMap options;                         // chosen beside the learning rate
  std::vector<std::string> settings;         // KEY=VALUE: what its runs have other than the config
  Interval value;                            // of the main metric, 95 %, over seeds and test examples
  std::vector<MetricInterval> metrics;       // of every metric
  std::optional<Contrast> to_full;           // where every run of both ended well
  std::vector<double> rank_probability;      // [rank]: first is best; empty where not judged
  bool below_probe = false;                  // a gradient strategy with a worse mean than the probe
  std::vector<std::string> below_probe_why;  // what was seen of it that may be why, each with what to try
  std::vector<std::string> never_began;      // phases of its plan that some run never came to
  std::int64_t kept_earlier_phase = 0;       // runs whose weights are not those of their last phase
  bool exploratory = false;                  // added after a test evaluation
  Interval seconds, peak_bytes;              // per run, 95 % t-intervals over seeds; of a run of its own
  double spent_seconds = 0;         // mean: less than `seconds` where runs shared what is computed once
  double flops = 0, trainable = 0;  // means per run
  double first_epoch_seconds = 0, evaluation_seconds = 0, tuning_seconds = 0;
  std::int64_t tuning_trials = 0;
  // Until the validation metric came within half a point of that of the weights which tuned full kept with
  // the same seed: the median over seeds, empty where half of the runs or more never came there.
  std::optional<double> seconds_to_full, steps_to_full;
};

// What the report draws of a strategy: what was trainable when, and at which learning rate.
struct StrategyPicture {
  std::string strategy;
  std::vector<std::string> groups;        // bottom to top
  std::vector<TimelineSegment> timeline;  // finetune/plan/plan_timeline.h
  std::vector<double> schedule;           // of each update, as a multiple of the base rate
  Ledger ledger;                          // of the first reported run
};

struct DataCard {
  std::string source;  // the training file as the config names it
  std::vector<std::int64_t> sample_shape;
  std::vector<std::string> classes;                  // empty: regression
  std::int64_t pool = 0;                             // training samples before a subset is drawn
  std::int64_t train = 0, validation = 0, test = 0;  // samples
  std::vector<std::int64_t> train_counts, validation_counts, test_counts;  // per class
  std::string groups;                                                      // of data.group, in words
  std::int64_t near_duplicates = 0;
  std::string duplicates;   // exact and near ones, in words
  std::string pretraining;  // what the model was pretrained on and whether it overlaps: known or unknown
};

// Where training subsets vary as well as training seeds, how much of a run's spread each makes.
struct SpreadParts {
  double draw = 0, seed = 0;  // standard deviations of the metric
};

// What was said would win, before any run.
struct Prediction {
  std::string text;
  std::string sha256;                // of the text and the names, printed before the first run
  std::vector<std::string> best;     // strategies
  std::vector<std::string> among;    // those that they are compared with
  std::optional<Contrast> contrast;  // mean of `best` less the mean of the others in `among`
};

struct CompareOutcome {
  std::string name;
  std::vector<std::string> notes;      // about the data and what was left out
  std::vector<std::string> questions;  // of the notes those that are to be repeated at the end
  std::string metric;
  std::string budget;  // in words: "3 epochs", "60 seconds of training"
  double lr = 0;       // train.lr
  bool tuned = false;
  double margin = 0;  // within which differences count as none
  DataCard data;
  // Earlier evaluations of the same test data by other comparisons, as texts; empty: this is the first.
  std::vector<std::string> earlier_evaluations;
  std::int64_t test_evaluations = 0;
  std::vector<ReportedRun> runs;
  std::vector<TuningTrial> trials;
  std::vector<StrategySummary> summaries;  // baselines first
  std::vector<StrategyPicture> pictures;
  std::optional<SpreadParts> full_spread;  // of full, where compare.repeats > 1
  std::optional<Prediction> prediction;
  std::string version, compiler, cpu;
  int threads = 1;
  std::string config;  // resolved, as TOML
  bool interrupted = false;
  bool all_ok() const;
};

}  // namespace thaw
