// Padding: which places in a batch of texts hold no token.
#pragma once

#include "core/tensor.h"

namespace thaw {

struct Padding {
  Tensor mask;    // bool [B, T]: true where there is a token; all three undefined: no padding
  Tensor tokens;  // i64 [N]: the tokens' places in [B * T], in order
  Tensor rows;    // i64 [B, T]: which of the N tokens is there; at padding, the first of its text
};

// `mask`: bool [B, T] on the CPU. Throws Error if a text has no token.
Padding padding_of(const Tensor& mask);

}  // namespace thaw
