// builtin:digits: 1,797 handwritten digits of 8 x 8 pixels, embedded in the library. digits.inc names the
// source and the licence, make_digits.py how the samples are packed.
#pragma once

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

Dataset read_digits(const DataSource& source);

}  // namespace thaw
