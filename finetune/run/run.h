// One run from config to run folder: what `thaw train` does, and `thaw compare` for each of its runs.
#pragma once

#include <optional>
#include <string>

#include "finetune/common/clock.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/train/calibration.h"
#include "finetune/train/trainer.h"

namespace thaw {

struct RunRequest {
  Config config;  // of one strategy, with its learning rate and seeds
  const ModelSource& source;
  const PreparedData& data;
  std::string out = {};  // empty: nothing is written
  bool resume = false;
  bool allow_missing = false;
  bool is_compared = false;  // its comparison registers test evaluations, and says what holds for all runs
  Clock::time_point began = Clock::now();  // of the loading of its data
  double checkpoint_pause = 0;  // seconds: checkpoints that are due sooner after the last are left out
  std::optional<Calibration::Limits> calibration = {};  // the ledger predicts seconds too
  bool layer_statistics = false;                        // RunResult::layer_samples is filled
  bool evaluate_test = true;                            // once, at the end, where there are test data
  PrefixStore* prefixes = nullptr;  // shared by runs; null: the run keeps what it computes once to itself
  std::string version = {}, compiler = {};  // for run.json
  Trainer::Hooks hooks = {};
};

RunResult run_training(const RunRequest& request);

}  // namespace thaw
