// What a model does on a data set: outputs without a graph, and the metrics made from them.
#pragma once

#include "finetune/data/dataset.h"
#include "finetune/task/task.h"
#include "nn/module.h"

namespace thaw {

// In evaluation mode; the model's mode is restored.
Outputs predict_all(Model& model, const Dataset& data);
// The same for what the head's linear layer takes: [N, features].
Outputs features_all(Model& model, const Dataset& data);

Metrics evaluate(const Task& task, Model& model, const Dataset& data);

}  // namespace thaw
