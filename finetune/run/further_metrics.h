// What compare reports beside the metrics on the test data, and never chooses on: the metric on shifted data
// and on the training samples, and what the network forgot.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "finetune/config/config.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/prepare_data.h"
#include "finetune/task/evaluate.h"

namespace thaw {

using Predict = std::function<Outputs(const Dataset&)>;

// InputError where compare.neighbours wants more test samples than there are. To be asked before anything
// trains.
void check_further_metrics(const Config& config, const Dataset& test);

// Appends the compared metric on each of data.shifted, as "amazon_accuracy", and, with
// compare.training_score, on the training samples, as "training_accuracy".
void add_further_metrics(const Config& config, const PreparedData& data, const Predict& predict, Metrics& to);

// Whether a metric is one of these, where `main` is the compared metric.
bool is_further_metric(const std::string& name, const std::string& main);

// How much of the features' geometry training left: of each sample's `count` nearest neighbours among the
// others, by the cosine of what the head takes, the share that is the same in both networks; 1: all, about
// count / samples: by chance. Of the first 1,000 samples, fewer than `count` + 1 of which are refused.
double neighbours_kept(Model& before, Model& after, const Dataset& data, std::int64_t count);

}  // namespace thaw
