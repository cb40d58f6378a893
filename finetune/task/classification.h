// Classification: a class for each sample, by a softmax over logits [N, classes].
#pragma once

#include "finetune/task/task.h"

namespace thaw {

// Its loss is cross-entropy. With class weights the sum over samples of weight x loss is divided by B and the
// update's mean weight: the whole batch gives the mean over weights, as PyTorch's CrossEntropyLoss(weight)
// does, and micro-batches, each with its share of the samples, add up to it, also one whose samples all have
// the weight 0. It is 0 where the update has no weight at all, and PyTorch's not a number.
const Task& classification();

}  // namespace thaw
