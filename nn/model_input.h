// What a model is given: samples, or tokens with what is known of each.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "nn/padding.h"

namespace thaw {

// How a model that writes is asked for a text.
struct WritingRules {
  std::vector<std::int64_t> prompt;              // the tokens that it is given first, at least one
  std::int64_t end = 0;                          // the token with which it ends
  std::vector<std::int64_t> never, never_first;  // tokens that it may not choose, and not behind the prompt
};

// A tensor alone converts to one.
struct ModelInput {
  ModelInput() = default;
  ModelInput(Tensor samples) : values(std::move(samples)) {}  // NOLINT(google-explicit-constructor)

  Tensor values;    // f32 [B, ...], or token ids i64 [B, T]
  Padding padding;  // of tokens [B, T]
  Tensor sizes =
      {};  // i64 [B], of raw sound [B, S]: how many of the values are each sound's; undefined: all. On the CPU,
           // whatever device the values are on
  Tensor types;  // i64 [B, T]: to which of two texts a token belongs; undefined: the first
  // Of a model that writes: the tokens so far, i64 [B, L], from which it says at each place what comes next.
  Tensor written = {};
  Padding written_padding = {};
};

}  // namespace thaw
