// Groups x updates: what is trainable when, and at which learning rate. Height as well as colour says the
// rate, so that it can be read without colour.
#pragma once

#include <string>

#include "finetune/report/comparison.h"

namespace thaw::report {

// Of one strategy.
std::string timeline_figure(const StrategyPicture& picture, double lr);

}  // namespace thaw::report
