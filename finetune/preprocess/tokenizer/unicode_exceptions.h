// Where Hugging Face's `tokenizers` takes a character otherwise than utf8proc does: tables in a generated
// file.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "finetune/preprocess/tokenizer/unicode.h"

namespace thaw {

// The characters first..last have these flags (CharFlag) and this canonical combining class.
struct CharException {
  char32_t first, last;
  std::uint16_t flags;
  std::uint8_t combining_class;
};

// The lower-case form of `upper`: one character or two (the second is 0 if there is only one).
struct LowerException {
  char32_t upper;
  std::array<char32_t, 2> lower;
};

// How the characters first..last join a grapheme cluster.
struct ClusterException {
  char32_t first, last;
  ClusterRole role;
};

// Each in ascending order.
std::span<const CharException> char_exceptions();
std::span<const LowerException> lower_exceptions();
std::span<const ClusterException> cluster_exceptions();

}  // namespace thaw
