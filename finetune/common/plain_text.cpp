#include "finetune/common/plain_text.h"

#include <utf8proc.h>

#include <cstdlib>
#include <iterator>

#include "finetune/common/utf8.h"

namespace thaw {
namespace {

bool is_in_a_word(utf8proc_category_t category) {
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;  // letters, marks, numbers
}

bool is_space(char32_t c) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return (c >= '\t' && c <= '\r') || c == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
         category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

bool goes_out(char32_t c, utf8proc_category_t category) {
  return c == '\'' || c == U'\u2019' || category == UTF8PROC_CATEGORY_CF;
}

}  // namespace

std::string composed(const std::string& text) {
  utf8proc_uint8_t* made = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), std::ssize(text), &made,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0) return text;
  std::string result(reinterpret_cast<const char*>(made), static_cast<std::size_t>(size));
  std::free(made);
  return result;
}

std::string with_single_spaces(std::string_view text) {
  std::string result;
  bool word_ended = false;
  for (const char* at = text.data(); at < text.data() + text.size();) {
    const char32_t c = next_scalar(at);
    if (is_space(c)) {
      word_ended = true;
      continue;
    }
    if (word_ended && !result.empty()) result += ' ';
    word_ended = false;
    append_scalar(c, result);
  }
  return result;
}

std::string plain_text(std::string_view given) {
  const std::string text = composed(std::string(given));
  std::string plain;
  for (const char* at = text.data(); at < text.data() + text.size();) {
    const char32_t c = next_scalar(at);
    const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    if (is_in_a_word(category))
      append_scalar(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), plain);
    else if (!goes_out(c, category))
      plain += ' ';
  }
  return with_single_spaces(plain);
}

}  // namespace thaw
