// Where Hugging Face's `tokenizers` takes a character otherwise than utf8proc does: tables in a generated
// file.
#pragma once

#include <array>
#include <cstdint>
#include <span>

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

// Both in ascending order.
std::span<const CharException> char_exceptions();
std::span<const LowerException> lower_exceptions();

}  // namespace thaw
