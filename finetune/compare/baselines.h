// Baselines: what fine-tuning has to beat. They stand in every comparison's table.
//
//   majority    the most frequent class of the training samples (regression: their mean)
//   as-is       the model as it was given, nothing trained; where its head is for the task's labels
//   probe       a linear model on the pretrained network's features, which stay as they are; on the raw
//               inputs where nothing was pretrained (texts have none: no probe)
//   norm-stats  networks with batch norm: running statistics estimated anew on the training inputs, nothing
//               trained; where the head is new, a probe on the features that this gives
//   scratch     the same network from random weights, all of it trained; run like a strategy, see candidate.h
#pragma once

#include <string>
#include <vector>

#include "finetune/cache/prefix_store.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/report/comparison.h"

namespace thaw {

struct BaselineRequest {
  const Config& config;
  const ModelSource& source;
  const PreparedData& data;
  std::uint64_t seed = 0;  // of weights that the folder lacks
  bool allow_missing = false;
  PrefixStore* prefixes = nullptr;  // where features are kept; null: nowhere
};

// Those of the first four that apply, in this order. The functions below take one of them.
std::vector<std::string> baseline_names(const BaselineRequest& request);
std::string about_baseline(const std::string& name, const BaselineRequest& request);

// Fits on the training samples, chooses on the validation samples, evaluates on the test samples once. `row`
// comes with strategy, seed, draw and metric, and is returned with the rest.
ReportedRun run_baseline(ReportedRun row, const BaselineRequest& request);

}  // namespace thaw
