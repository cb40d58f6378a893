// Config: what a run is asked to do, as read from TOML, with every default filled in. The keys, their meaning
// and their defaults: `thaw help config`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "finetune/common/units.h"
#include "finetune/config/choices.h"
#include "finetune/plan/period.h"
#include "finetune/plan/plan.h"
#include "finetune/plan/strategies/options.h"
#include "finetune/task/class_weight.h"
#include "nn/models/registry.h"

namespace thaw {

struct ModelSection : ArchitectureOptions {
  std::string from = "mlp";       // a built-in architecture or a model folder (absolute)
  bool pretrained = true;         // false: a folder's architecture with random weights
  std::string init;               // absolute path of a .safetensors file or an adapter's folder, or empty
  std::optional<double> dropout;  // overrides every dropout of the architecture
  std::int64_t max_length = 0;    // text, in tokens; 0: as the folder says
  std::string pooling;            // text: "pooler", "cls", "mean"; empty: as the folder says
  std::int64_t image_size = 0;    // pictures: pixels of a side; 0: as the folder says, or as they are
  std::string audio_context;      // sound: "clip", "full"; empty: as the folder says
  std::string decoder;            // sound: "ctc", "seq2seq"; empty: as the folder says
};

struct DataSection {
  std::string train;  // absolute, or "builtin:NAME"
  std::string validation, test;
  std::map<std::string, std::string> shifted;  // names of further test data and their files
  double validation_fraction = 0.2;
  std::optional<double> test_fraction;  // compare without a test file: 0.2
  std::uint64_t split_seed = 0;
  std::string label = "label";
  std::string audio;  // the column of sound files; empty: "audio", or as the folder says
  std::string image;  // the column of picture files; empty: "image", or as the folder says
  std::string text;   // the text's column; empty: "text", or as the folder says
  // That of the second text of a pair; empty: single texts; unset: as the folder says.
  std::optional<std::string> text_pair;
  std::string group;
  std::string task = "classification";
  Standardize standardize = Standardize::unset;  // where the mean and standard deviation of inputs come from
  Standardize standardize_target = Standardize::unset;  // of regression: the same of targets
  std::vector<std::string> categories;  // of a table: which columns hold them, see DataSource; empty: none
  std::int64_t max_categories = 100;    // of a column
  Missing missing = Missing::refuse;    // what becomes of missing features
  std::string separator;                // of CSV and TSV; empty: by the file's ending and header
  std::string quote;                    // "csv", "none"; empty: by the file's ending
  std::vector<std::string> features, ignore;  // globs of columns; empty: all, none
  std::int64_t samples_per_class = 0;         // 0: all
  std::int64_t limit = 0;                     // 0: all
  std::vector<std::int64_t> rows;             // empty: all; else [first, end) of the training file
  std::map<std::string, std::vector<std::string>> merge;  // a class and the labels that become it
  std::vector<std::string> classes;                       // empty: those of the data
  Corruption corrupt = Corruption::none;
  std::vector<std::string> augment;            // of pictures, in training
  Duplicates duplicates = Duplicates::refuse;  // rows that two files share, by compare
};

struct TrainSection {
  double epochs = 3;
  std::int64_t steps = 0;  // > 0: instead of epochs
  std::int64_t batch_size = 32;
  std::int64_t accumulation = 1;
  bool shuffle = true;
  OptimizerKind optimizer = OptimizerKind::adamw;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0.01;  // sgd: 0
  double momentum = 0;
  double dampening = 0;
  bool nesterov = false;
  std::string no_decay;  // selector
  double lr = 1e-3;
  std::optional<ScheduleKind> schedule;  // unset: the strategy's own, else "constant"
  std::int64_t warmup_steps = 0;
  double warmup_fraction = 0;
  double clip_norm = 0;
  double label_smoothing = 0;
  ClassWeights class_weight;
  Period eval_every = {Period::Unit::epochs, 1};
  Period checkpoint_every = {Period::Unit::epochs, 1};
  std::int64_t keep_checkpoints = 2;
  bool restore_best = false;
  std::int64_t early_stopping_patience = 0;
  std::string monitor = "validation_loss";
  NanAction nan = NanAction::stop;
  std::string precision = "fp32";
  std::string cache = "auto";  // what frozen stages give is computed once, where that pays; "off"
  std::optional<ByteSize> cache_memory, cache_disk;  // what that may take; unset: a share of what is free
  std::string recompute = "off";   // "auto": activations that exceed `memory` are computed again in backward
  std::optional<ByteSize> memory;  // what training may take beside the weights; unset: no limit
  std::uint64_t seed = 0;
};

struct CompareSection {
  std::vector<std::string> strategies = {"full", "head", "gradual"};
  std::int64_t seeds = 5;
  std::int64_t tune = 5;
  std::vector<double> lr_grid;
  std::map<std::string, double> rates;  // of strategies, instead of train.lr times the strategy's own scale
  bool search = true;
  std::int64_t repeats = 1;
  std::vector<std::string> predict;  // strategies that are to win
  std::string prediction;            // why, in words
  std::string budget = "epochs";
  std::string metric;  // empty: accuracy, or rmse; see compared_metric()
  double margin = 0.01;
  bool training_score = false;  // the metric on the training samples too
  std::int64_t neighbours =
      0;  // > 0: how many of so many neighbours of a test sample remain, see further_metrics.h
};

struct Config {
  std::string path;  // of the file, for messages
  std::string name;  // its stem: names run folders
  ModelSection model;
  DataSection data;
  TrainSection train;
  StrategyRequest strategy{"full", {}, {}};
  CompareSection compare;
  std::vector<std::string> notes;  // for the user: what is not done as the file asks
};

// Reads and checks a config. `overrides` are KEY=VALUE texts (VALUE is TOML; a bare word is a string) and win
// over the file. Unknown keys, wrong types and values out of range throw InputError with line and column and
// the nearest known key; what later versions bring is refused by name.
Config load_config(const std::string& path, const std::vector<std::string>& overrides = {});

// A study: one config in several variants, a cell for each combination of the values of its [[axis]] tables.
struct StudyAxis {
  std::string name;
  std::vector<std::string> values;
  bool random = false;  // its values are a sample of many: intervals are over them
};
struct StudyCell {
  std::vector<std::size_t> values;  // of each axis, in the order of the axes
  Config config;
};
struct Study {
  std::vector<StudyAxis> axes;  // none: an ordinary config, which is the one cell
  std::vector<StudyCell> cells;
};

// As load_config, for every cell. A value of an axis is a table with `name` and what it changes of the
// config: { name = "blur", data.corrupt = "blur" }. Overrides win over both. load_config gives the first
// cell.
Study load_study(const std::string& path, const std::vector<std::string>& overrides = {});

// What [strategy] asks of `name`: all of it where that is the strategy it names, else the options that every
// strategy takes, for the others belong to the one named.
StrategyRequest strategy_request(const Config& config, const std::string& name);

}  // namespace thaw
