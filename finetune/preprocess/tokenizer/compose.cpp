#include "finetune/preprocess/tokenizer/compose.h"

#include <utf8proc.h>

#include <string>
#include <unordered_map>
#include <utility>

namespace thaw {
namespace {

// Hangul syllables are composed by arithmetic (The Unicode Standard, section 3.12).
constexpr char32_t kFirstSyllable = 0xAC00, kSyllables = 11172;
constexpr char32_t kFirstLead = 0x1100, kLeads = 19;
constexpr char32_t kFirstVowel = 0x1161, kVowels = 21;
constexpr char32_t kBeforeTails = 0x11A7, kTails = 28;  // the first of the 28 is "no tail"

class Compositions {
 public:
  explicit Compositions(const CharTable& table) {
    std::unordered_map<std::u32string, char32_t> whole;  // from a full decomposition to the character
    const auto composes = [&](char32_t c) {
      const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
      return property.decomp_seqindex != UINT16_MAX && property.decomp_type == 0 &&
             !property.comp_exclusion && (table.flags(c) & kNoDecomposition) == 0;
    };
    for (char32_t c = 0; c < 0x110000; ++c) {
      if (!composes(c)) continue;
      std::u32string parts;
      table.decompose(c, false, parts);
      if (parts.size() >= 2 && table.combining_class(parts[0]) == 0) whole.emplace(std::move(parts), c);
    }
    for (const auto& [parts, c] : whole) {
      // Of three parts or more, all but the last make a character of their own.
      const std::u32string front = parts.substr(0, parts.size() - 1);
      const auto first = front.size() == 1 ? whole.end() : whole.find(front);
      if (front.size() == 1)
        pairs_[key(front[0], parts.back())] = c;
      else if (first != whole.end())
        pairs_[key(first->second, parts.back())] = c;
    }
  }

  // The character that the two compose to; 0 where there is none.
  char32_t find(char32_t first, char32_t second) const {
    if (first - kFirstLead < kLeads && second - kFirstVowel < kVowels)
      return kFirstSyllable + ((first - kFirstLead) * kVowels + (second - kFirstVowel)) * kTails;
    const char32_t syllable = first - kFirstSyllable;
    if (syllable < kSyllables && syllable % kTails == 0 && second > kBeforeTails &&
        second < kBeforeTails + kTails)
      return first + (second - kBeforeTails);
    const auto found = pairs_.find(key(first, second));
    return found == pairs_.end() ? 0 : found->second;
  }

 private:
  static std::uint64_t key(char32_t first, char32_t second) { return std::uint64_t{first} << 32 | second; }

  std::unordered_map<std::uint64_t, char32_t> pairs_;
};

}  // namespace

void compose(const CharTable& table, std::u32string& text) {
  static const Compositions compositions(table);
  std::size_t size = 0;  // of what is done
  std::size_t starter = std::u32string::npos;
  std::uint8_t last_class = 0;
  for (const char32_t c : text) {
    const std::uint8_t combining_class = table.combining_class(c);
    const bool open =
        starter != std::u32string::npos && (starter + 1 == size || last_class < combining_class);
    const char32_t composed = open ? compositions.find(text[starter], c) : 0;
    if (composed != 0) {
      text[starter] = composed;
      continue;
    }
    if (combining_class == 0) starter = size;
    last_class = combining_class;
    text[size++] = c;
  }
  text.resize(size);
}

}  // namespace thaw
