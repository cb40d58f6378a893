// What a model is given: samples, or tokens with what is known of each.
#pragma once

#include <utility>

#include "core/tensor.h"
#include "nn/padding.h"

namespace thaw {

// A tensor alone converts to one.
struct ModelInput {
  ModelInput() = default;
  ModelInput(Tensor samples) : values(std::move(samples)) {}  // NOLINT(google-explicit-constructor)

  Tensor values;    // f32 [B, ...], or token ids i64 [B, T]
  Padding padding;  // of tokens [B, T]
  Tensor types;     // i64 [B, T]: to which of two texts a token belongs; undefined: the first
};

}  // namespace thaw
