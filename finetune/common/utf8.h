// Well-formed UTF-8 (Unicode 15, table 3-7).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace thaw {

// Bytes, 1 to 4, of the well-formed sequence at the front of `text`; 0 where there is none.
std::size_t utf8_sequence(std::string_view text);

// The text with U+FFFD for each maximal part of it that is not UTF-8 (Unicode 15, section 3.9), as Python's
// errors="replace" does: a sequence that breaks off is one such part, any other stray byte is one by itself.
std::string replace_invalid_utf8(std::string_view text);

bool is_utf8(std::string_view text);

// The scalar value at `at` in text that is UTF-8, and `at` moved behind it.
inline char32_t next_scalar(const char*& at) {
  const auto byte = [&at]() { return static_cast<unsigned char>(*at++); };
  const char32_t lead = byte();
  if (lead < 0x80) return lead;
  char32_t scalar = lead >= 0xF0 ? lead & 0x07 : lead >= 0xE0 ? lead & 0x0F : lead & 0x1F;
  scalar = scalar << 6 | (byte() & 0x3FU);
  if (lead >= 0xE0) scalar = scalar << 6 | (byte() & 0x3FU);
  if (lead >= 0xF0) scalar = scalar << 6 | (byte() & 0x3FU);
  return scalar;
}

// The scalar value that ends at `end` in text that is UTF-8, and `end` moved before it.
inline char32_t previous_scalar(const char*& end) {
  do --end;
  while ((static_cast<unsigned char>(*end) & 0xC0) == 0x80);
  const char* at = end;
  return next_scalar(at);
}

inline void append_scalar(char32_t scalar, std::string& text) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (scalar >> shift & 0x3F)); };
  if (scalar < 0x80) {
    text += static_cast<char>(scalar);
  } else if (scalar < 0x800) {
    text += static_cast<char>(0xC0 | scalar >> 6);
    tail(0);
  } else if (scalar < 0x10000) {
    text += static_cast<char>(0xE0 | scalar >> 12);
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | scalar >> 18);
    tail(12), tail(6), tail(0);
  }
}

}  // namespace thaw
