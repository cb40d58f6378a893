// What a model does on a data set: outputs without a graph, and the metrics made from them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "finetune/data/dataset.h"
#include "nn/module.h"

namespace thaw {

// Outputs [N, classes or 1], row-major, in evaluation mode; the model's mode is restored.
struct Outputs {
  std::int64_t columns = 0;
  std::vector<float> values;
  const float* row(std::int64_t i) const { return values.data() + i * columns; }
};
Outputs predict_all(Model& model, const Dataset& data);
// The same for what the head's linear layer takes: [N, features].
Outputs features_all(Model& model, const Dataset& data);

// Counted from 0; nothing where every output is a finite number.
std::optional<std::int64_t> first_row_not_finite(const Outputs& outputs);

// Named numbers in a fixed order. Classification: loss (mean negative log-likelihood), accuracy, macro_f1,
// calibration_error.
// Regression: loss (mean squared error), rmse, mae, r2.
// All are NaN where an output is not finite.
using Metrics = std::vector<std::pair<std::string, double>>;
Metrics compute_metrics(const Outputs& outputs, const Dataset& data);

// Each example's part in the main metric, whose mean over examples is that metric: 1 where the class is
// right; for rmse, which is no mean, its linearisation rmse + (e^2 - rmse^2) / (2 rmse) (the delta method).
// All are NaN where an output is not finite.
std::vector<float> example_scores(const Outputs& outputs, const Dataset& data);

Metrics evaluate(Model& model, const Dataset& data);
double metric(const Metrics& metrics, const std::string& name);  // throws InputError listing the names

// The metric that comparisons report: accuracy, or rmse.
const char* main_metric(const Dataset& data);
// How far apart two example_scores() of `metric` can be; 0 where there is no limit.
double score_range(const std::string& metric);

bool higher_is_better(const std::string& metric);

}  // namespace thaw
