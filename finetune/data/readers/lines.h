// Plain text: a text per line. It has no labels, so it is for prediction alone.
#pragma once

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

Dataset read_lines(const DataSource& source);

}  // namespace thaw
