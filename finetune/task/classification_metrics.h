// The metrics of classification, each from logits [N, classes] and labels. See Scored in
// finetune/task/metrics.h.
#pragma once

#include "finetune/task/metrics.h"

namespace thaw {

// The class with the largest logit; of equal ones the first.
std::int64_t answer(const Outputs& outputs, std::int64_t row);

// log(sum(exp(z))) of a row.
double log_sum_exp(const Outputs& outputs, std::int64_t row);

Scored log_loss(const Outputs& outputs, const Dataset& data);  // mean negative log-likelihood
Scored accuracy(const Outputs& outputs, const Dataset& data);

// Mean F1 over the classes that occur or are answered, as scikit-learn's f1_score(average="macro") has it.
Scored macro_f1(const Outputs& outputs, const Dataset& data);

// Mean recall over the classes that occur, as scikit-learn's balanced_accuracy_score has it.
Scored balanced_accuracy(const Outputs& outputs, const Dataset& data);

// Of two classes: the area under the ROC curve, which is the share of pairs, one sample of each class, that
// the logits' difference puts in order; equal ones count half. Its scores are the placement values of DeLong,
// DeLong & Clarke-Pearson (1988). NaN with one class alone.
Scored roc_auc(const Outputs& outputs, const Dataset& data);

// The expected calibration error (Guo et al. 2017, eq. 3): over bins of equal width of the probability given
// to the answer, how far that probability is from the share of right answers.
Scored calibration_error(const Outputs& outputs, const Dataset& data);

}  // namespace thaw
