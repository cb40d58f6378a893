// Regression: a number for each sample, by least squares over outputs [N, 1].
#pragma once

#include "finetune/task/task.h"

namespace thaw {

const Task& regression();

}  // namespace thaw
