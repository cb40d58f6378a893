// The baseline that every fine-tuning has to beat: a linear model on features that stay as they are, with the
// strength of its penalty chosen on validation data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "finetune/data/dataset.h"
#include "finetune/task/evaluate.h"

namespace thaw {

// Samples as a linear model takes them: [N, F] in f64, and their labels or targets.
struct ProbeData {
  Tensor x;
  const Dataset* data = nullptr;
  const Task* task = nullptr;
  std::vector<double> class_weights =
      {};  // in the fit, see finetune/task/class_weight.h; empty: all count the same
};

// Minimises  sum_i weight(y_i) loss(W x_i + b, y_i) + 1 / (2 C) ||W||^2  over W [outputs, F] and b, which has
// no penalty: multinomial logistic regression as in scikit-learn's LogisticRegression(C, class_weight), or
// ridge regression with half the squared error as the loss.
class LinearModel {
 public:
  // `warm`: weights to begin with, of a model of the same sizes; null: zeros.
  static LinearModel fit(const ProbeData& train, double c, const LinearModel* warm = nullptr);
  Outputs predict(const Tensor& x) const;

 private:
  std::int64_t outputs_ = 0, features_ = 0;
  std::vector<double> weights_;  // W by rows, then b
};

struct Probe {
  LinearModel model;
  double c = 0;
  Metrics validation;
};

// Of C = 10^-3 .. 10^3 the one with the best `metric` on `validation`; ties go to the lower loss. Without
// validation samples C is 1.
Probe fit_probe(const ProbeData& train, const ProbeData& validation, const std::string& metric);

// Subtracts the mean of `of` and divides by its deviation, column by column; a constant column becomes 0.
Tensor standardised(const Tensor& x, const Tensor& of);

}  // namespace thaw
