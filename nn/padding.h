// Padding: which places of a batch of texts hold no token.
#pragma once

#include "core/tensor.h"

namespace thaw {

struct Padding {
  Tensor mask;    // bool [B, T]: true where a token stands; undefined, as the others: no padding
  Tensor tokens;  // i64 [N]: where in [B * T] the tokens stand, in order
  Tensor rows;    // i64 [B, T]: which of the N tokens stands there; in padding's place its text's first
};

// mask bool [B, T] on the CPU. Error where a text has no token.
Padding padding_of(const Tensor& mask);

}  // namespace thaw
