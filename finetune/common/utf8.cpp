#include "finetune/common/utf8.h"

namespace thaw {
namespace {

// How many bytes at the front of `text` begin a well-formed sequence, and how many it has in all (0: none
// begins).
struct Prefix {
  std::size_t present, whole;
};

Prefix utf8_prefix(std::string_view text) {
  if (text.empty()) return {0, 0};
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, 1};
  if (lead < 0xC2 || lead > 0xF4) return {0, 0};
  const std::size_t whole = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  // The second byte's range leaves out overlong forms, surrogates and what is past U+10FFFF.
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  std::size_t present = 1;
  if (text.size() > 1 && byte(1) >= low && byte(1) <= high) ++present;
  while (present >= 2 && present < whole && present < text.size() && (byte(present) & 0xC0) == 0x80)
    ++present;
  return {present, whole};
}

}  // namespace

std::size_t utf8_sequence(std::string_view text) {
  const Prefix prefix = utf8_prefix(text);
  return prefix.present == prefix.whole ? prefix.whole : 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const Prefix prefix = utf8_prefix(text);
    if (prefix.present == prefix.whole && prefix.whole > 0) {
      valid += text.substr(0, prefix.whole);
      text.remove_prefix(prefix.whole);
    } else {
      append_scalar(0xFFFD, valid);
      text.remove_prefix(prefix.present > 0 ? prefix.present : 1);
    }
  }
  return valid;
}

}  // namespace thaw
