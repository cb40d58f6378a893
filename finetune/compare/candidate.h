// Candidate: what takes part in a comparison by training, with what its tuning may choose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/report/comparison.h"

namespace thaw {

struct Candidate {
  std::string name;
  std::string about;   // a sentence
  Config config;       // its strategy; learning rate and options as the user or the strategy set them
  ModelSource source;  // what it trains
  bool is_baseline = false;
  std::vector<OptionSpec> searched;  // options that tuning may change: those that the user did not set
};

// The candidates of a comparison: "full", which every verdict refers to, then the others that the config
// names, and "scratch" where the network is pretrained. A strategy that finds nothing to adapt is left out;
// `notes` says so.
std::vector<Candidate> make_candidates(const Config& config, const ModelSource& source,
                                       const PreparedData& data, bool allow_missing,
                                       std::vector<std::string>& notes);

// A learning rate and the strategy's options that are tried with it.
struct Hyperparameters {
  double lr = 0;
  OptionMap options = {};
};
Config with_hyperparameters(const Candidate& candidate, const Hyperparameters& choice);

// The choices that tuning tries, as many for every candidate: learning rates log-spaced by half decades
// around compare.rates' for it, else lr_scale() times train.lr (or the user's grid), each with options drawn at
// random; the middle one keeps the defaults. One choice alone: untuned, at compare.rates' for it, else at
// train.lr.
std::vector<Hyperparameters> hyperparameters_to_try(const Candidate& candidate);

// The multiple of train.lr that the learning rates to try are around; 0 where they are not.
double lr_scale(const Candidate& candidate);

// What a run of `run` has other than the config that it is made from, as KEY=VALUE for --set.
std::vector<std::string> settings_of(const Config& run, const Hyperparameters& choice, const Config& config);

// What is likely a mistake in the strategy and plan of `config`, the candidate's with the length that its
// runs will have. Nothing of a baseline's.
void add_plan_notes(const Candidate& candidate, const Config& config, const PreparedData& data,
                    std::vector<std::string>& notes);

}  // namespace thaw
