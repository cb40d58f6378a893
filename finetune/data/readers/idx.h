// IDX, the format of MNIST and Fashion-MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, a type code,
// the number of dimensions, their sizes as big-endian 32-bit numbers, then the values in row-major order.
#pragma once

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

Dataset read_idx(const DataSource& source);

}  // namespace thaw
