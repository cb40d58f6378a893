// Internal to core: how checkpoint() learns which trainable leaves its function used.
#pragma once

#include "core/tensor.h"

namespace thaw::detail {

// Called for every input of an op that is not being recorded.
void note_untracked_leaf(const Tensor& input);

}  // namespace thaw::detail
