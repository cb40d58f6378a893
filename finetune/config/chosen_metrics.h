// The metrics that a config names: what compare judges by, and what a run waits for.
#pragma once

#include "finetune/config/config.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/task/metrics.h"

namespace thaw {

// What compare tunes on, reports, tests and ranks by: compare.metric, else accuracy, or rmse.
const MetricSpec& compared_metric(const Config& config);

// InputError where a part of the data on which it is computed leaves it undefined.
void check_compared_metric(const Config& config, const PreparedData& data);

// InputError where the validation data leave train.monitor, or what a phase of the plan waits for, undefined.
void check_monitors(const Config& config, const Plan& plan, const Dataset& validation);

}  // namespace thaw
