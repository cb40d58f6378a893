// The metrics of regression, each from outputs [N, 1] and targets, which may be standardised; errors are in the targets' own
// unit. See Scored in finetune/task/metrics.h.
#pragma once

#include "finetune/task/metrics.h"

namespace thaw {

Scored squared_error(const Outputs& outputs, const Dataset& data);  // its mean
Scored rmse(const Outputs& outputs, const Dataset& data);
Scored mae(const Outputs& outputs, const Dataset& data);

// 1 - sum of squared errors / sum of squared distances from the targets' mean, as scikit-learn's r2_score has
// it: where all targets are equal 1 if there is no error, else 0; NaN of one sample.
Scored r2(const Outputs& outputs, const Dataset& data);

}  // namespace thaw
