// What a model gives for each sample of a data set.
#pragma once

#include "finetune/cache/prefix_cache.h"
#include "finetune/data/dataset.h"
#include "finetune/task/task.h"
#include "nn/module.h"

namespace thaw {

// In evaluation mode; the model's mode is restored. `cache`: of this model; null: every pass is a whole one.
Outputs predict_all(Model& model, const Dataset& data, PrefixCache* cache = nullptr);
// The same for what the head's linear layer takes: [N, features].
Outputs features_all(Model& model, const Dataset& data, PrefixCache* cache = nullptr);

Metrics evaluate(const Task& task, Model& model, const Dataset& data, PrefixCache* cache = nullptr);

}  // namespace thaw
