// Which stages of a model each part of a run takes from the prefix cache (finetune/cache), and which outputs it puts there
// for later parts. It follows from the plan, the model's modules and sizes alone: a resumed run decides alike, and `thaw
// plan` says it beforehand.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "finetune/cache/constant_prefix.h"
#include "finetune/cache/prefix_cache.h"
#include "finetune/config/config.h"
#include "finetune/data/dataset.h"
#include "finetune/plan/plan.h"
#include "nn/module.h"

namespace thaw {

// A segment of the plan.
struct PrefixPhase {
  PrefixCache::Use training, evaluation;
  std::string stage;            // the last that training takes from the cache; empty: none
  ConstantPrefix constant;      // all that it might take
  std::int64_t computed = 0;    // training samples whose entries it computes, in a run of its own
  double flops = 0;             // of computing one
  double seconds = 0;           // the same, where a Calibration has said so
  std::int64_t peak_bytes = 0;  // that computing them for a batch of samples takes, beside the weights
  std::int64_t bytes = 0;       // of the entries of all training samples, those kept for later too
  std::string note;  // why it does not take more, and what would make it so; empty: it takes what it can
};

// A row for each segment of the plan. `model`: on the meta device; its switches are left as the last segment has them.
// `many_runs`: others take the same entries, so that what is used once in this run is worth keeping.
std::vector<PrefixPhase> plan_prefixes(const Config& config, Model& model, const ResolvedPlan& plan,
                                       const Dataset& data, const Triggers& triggers, bool many_runs);

// What the entries of all samples take after these numbers of stages together. `model`: on the meta device.
std::int64_t bytes_of_entries(Model& model, const Dataset& data, const std::set<int>& stages);

}  // namespace thaw
