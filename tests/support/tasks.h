// Tasks by what data have, for tests of both.
#pragma once

#include <string>
#include <vector>

#include "finetune/task/classification.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/regression.h"

namespace thaw::test {

inline const Task& task_of(const Dataset& data) {
  return data.targets == Targets::numbers ? regression() : classification();
}
inline Metrics compute_metrics(const Outputs& outputs, const Dataset& data) {
  return compute_metrics(task_of(data), outputs, data);
}
inline Metrics evaluate(Model& model, const Dataset& data) { return evaluate(task_of(data), model, data); }
inline std::vector<float> example_scores(const Outputs& outputs, const Dataset& data,
                                         const std::string& metric) {
  return example_scores(task_of(data), outputs, data, metric);
}
inline std::string undefined_metrics(const Dataset& data) { return undefined_metrics(task_of(data), data); }

}  // namespace thaw::test
