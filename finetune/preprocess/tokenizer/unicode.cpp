#include "finetune/preprocess/tokenizer/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cassert>
#include <map>

#include "finetune/preprocess/tokenizer/unicode_exceptions.h"

namespace thaw {
namespace {

constexpr char32_t kScalars = 0x110000;

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

std::uint16_t category_flags(utf8proc_category_t category) {
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return kLetter | kWord;
    case UTF8PROC_CATEGORY_MN:
      return kNonspacing | kMark | kWord;
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return kMark | kWord;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
      return kNumeric | kNumber | kWord;
    case UTF8PROC_CATEGORY_NO:
      return kNumeric | kNumber;
    case UTF8PROC_CATEGORY_PC:
      return kPunctuation | kWord;
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return kPunctuation;
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
      return kOther;
    default:
      return 0;
  }
}

std::uint16_t utf8proc_flags(char32_t c, const utf8proc_property_t& property) {
  std::uint16_t flags = category_flags(static_cast<utf8proc_category_t>(property.category));
  if (is_space(c)) flags |= kSpace;
  if (c == '\t' || c == '\n' || c == '\r' || c == 0) flags &= ~kOther;
  if (c == 0x200C || c == 0x200D) flags |= kWord;  // Join_Control
  const bool ascii_symbol = c > 0x20 && c < 0x7F && (flags & (kLetter | kNumber)) == 0;
  if (ascii_symbol) flags |= kPunctuation;
  return flags;
}

// Without Indic_Conjunct_Break, which utf8proc 2.8 does not know.
ClusterRole utf8proc_cluster_role(char32_t c, const utf8proc_property_t& property) {
  if (c == 0x200C) return ClusterRole::extend;
  switch (property.boundclass) {
    case UTF8PROC_BOUNDCLASS_CR:
      return ClusterRole::cr;
    case UTF8PROC_BOUNDCLASS_LF:
      return ClusterRole::lf;
    case UTF8PROC_BOUNDCLASS_CONTROL:
      return ClusterRole::control;
    case UTF8PROC_BOUNDCLASS_EXTEND:
      return ClusterRole::conjunct_extend;
    case UTF8PROC_BOUNDCLASS_L:
      return ClusterRole::lead;
    case UTF8PROC_BOUNDCLASS_V:
      return ClusterRole::vowel;
    case UTF8PROC_BOUNDCLASS_T:
      return ClusterRole::tail;
    case UTF8PROC_BOUNDCLASS_LV:
      return ClusterRole::lead_vowel;
    case UTF8PROC_BOUNDCLASS_LVT:
      return ClusterRole::lead_vowel_tail;
    case UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR:
      return ClusterRole::regional_indicator;
    case UTF8PROC_BOUNDCLASS_SPACINGMARK:
      return ClusterRole::spacing_mark;
    case UTF8PROC_BOUNDCLASS_PREPEND:
      return ClusterRole::prepend;
    case UTF8PROC_BOUNDCLASS_ZWJ:
      return ClusterRole::zwj;
    case UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC:
      return ClusterRole::pictographic;
    default:
      return ClusterRole::other;
  }
}

bool is_hangul_syllable(char32_t c) { return c >= 0xAC00 && c <= 0xD7A3; }

}  // namespace

const CharTable& CharTable::get() {
  static const CharTable table;
  return table;
}

CharTable::CharTable() {
  std::vector<Entry> entries(kScalars);
  for (char32_t c = 0; c < kScalars; ++c) {
    const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
    entries[c] = {utf8proc_flags(c, property), static_cast<std::uint8_t>(property.combining_class),
                  utf8proc_cluster_role(c, property),
                  property.decomp_seqindex != UINT16_MAX || is_hangul_syllable(c)};
  }
  for (const ClusterException& exception : cluster_exceptions())
    for (char32_t c = exception.first; c <= exception.last; ++c) entries[c].cluster_role = exception.role;
  for (const CharException& exception : char_exceptions()) {
    for (char32_t c = exception.first; c <= exception.last; ++c) {
      entries[c].flags = exception.flags;
      entries[c].combining_class = exception.combining_class;
    }
  }
  for (std::size_t page = 0; page < page_of_.size(); ++page) {
    Page content;
    std::copy_n(entries.begin() + static_cast<std::ptrdiff_t>(page * content.size()), content.size(),
                content.begin());
    const auto known = std::find(pages_.begin(), pages_.end(), content);
    page_of_[page] = static_cast<std::uint16_t>(known - pages_.begin());
    if (known == pages_.end()) pages_.push_back(content);
  }
}

void CharTable::decompose(char32_t c, bool compatible, std::u32string& to) const {
  const Entry& about = entry(c);
  if (!about.decomposes || (about.flags & (compatible ? kNoCompatibility : kNoDecomposition)) != 0) {
    to += c;
    return;
  }
  std::array<utf8proc_int32_t, 32> parts;  // no character has more than 18
  int boundary = 0;
  int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
  if (compatible) options |= UTF8PROC_COMPAT;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                             static_cast<utf8proc_option_t>(options), &boundary);
  assert(count > 0 && count <= static_cast<utf8proc_ssize_t>(parts.size()));
  for (utf8proc_ssize_t i = 0; i < count; ++i)
    to += static_cast<char32_t>(parts[static_cast<std::size_t>(i)]);
}

void CharTable::lower(char32_t c, std::u32string& to) const {
  if (c < 0x80) {
    to += c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    return;
  }
  const std::span<const LowerException> exceptions = lower_exceptions();
  const auto exception =
      std::lower_bound(exceptions.begin(), exceptions.end(), c,
                       [](const LowerException& e, char32_t upper) { return e.upper < upper; });
  if (exception == exceptions.end() || exception->upper != c) {
    to += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
    return;
  }
  to += exception->lower[0];
  if (exception->lower[1] != 0) to += exception->lower[1];
}

void order_marks(const CharTable& table, std::u32string& text) {
  const auto is_mark = [&](char32_t c) { return table.combining_class(c) != 0; };
  for (auto begin = text.begin(); begin != text.end();) {
    begin = std::find_if(begin, text.end(), is_mark);
    const auto end = std::find_if_not(begin, text.end(), is_mark);
    if (end - begin > 1)
      std::stable_sort(begin, end, [&](char32_t a, char32_t b) {
        return table.combining_class(a) < table.combining_class(b);
      });
    begin = end;
  }
}

}  // namespace thaw
