// How much a sample of each class counts in the training loss (train.class_weight). Metrics, the loss on the
// validation data among them, know no weights.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"

namespace thaw {

// How much a sample of each class counts in the training loss. Without either, all the same.
struct ClassWeights {
  bool balanced = false;
  std::map<std::string, double> of;  // classes by name; those that are not named have the weight 1
  bool operator==(const ClassWeights&) const = default;
};

// Of each class of `train`, the drawn training samples; empty where the config gives none. "balanced" is
// n / (k n[c]), as scikit-learn has it, of n samples in the k classes that occur; one that does not weighs 1,
// as the samples do in the mean. InputError for names that are no classes, and where no sample counts.
std::vector<double> class_weights(const ClassWeights& given, const Dataset& train);

// The mean over the rows of all micro-batches.
double mean_weight(const std::vector<double>& weights, const Dataset& data,
                   const std::vector<std::vector<std::int64_t>>& rows);

// "class weights: ham 0.625, spam 2.5"; empty where there are none.
std::string class_weights_text(const std::vector<double>& weights, const Dataset& train);

}  // namespace thaw
