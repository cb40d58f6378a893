// What a tokenizer asks of a character. Answers are those of Hugging Face's `tokenizers` (the version is
// named in unicode_exceptions.cpp), whose parts follow different versions of Unicode: utf8proc's, with
// exceptions. They are the same ones with utf8proc 2.8 (Unicode 15), which Debian 12 has.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace thaw {

enum CharFlag : std::uint16_t {
  kOther = 1 << 0,        // what BERT's cleaning drops: controls, formats, private use
  kSpace = 1 << 1,        // White_Space
  kPunctuation = 1 << 2,  // as BERT splits it off: every ASCII symbol, and the categories P*
  kNonspacing = 1 << 3,   // a mark that BERT strips with the accents
  kMark = 1 << 4,         // a mark that StripAccents strips
  kNumeric = 1 << 5,      // what Digits splits off
  kLetter = 1 << 6,       // \p{L} of ByteLevel's pattern
  kNumber = 1 << 7,       // \p{N} of ByteLevel's pattern
  kWord = 1 << 8,         // \w, for added tokens that are single words
  // The normal forms' Unicode is older: the character stays as it is in NFD and NFC, or in NFKD and NFKC.
  kNoDecomposition = 1 << 9,
  kNoCompatibility = 1 << 10,
};

// How a character joins a grapheme cluster (UAX #29): its Grapheme_Cluster_Break, and what
// Extended_Pictographic and Indic_Conjunct_Break add to it. A linker and a conjunct_extend extend, too.
enum class ClusterRole : std::uint8_t {
  other,
  cr,
  lf,
  control,
  extend,
  zwj,
  regional_indicator,
  prepend,
  spacing_mark,
  lead,  // of a Hangul syllable, as are the next four
  vowel,
  tail,
  lead_vowel,
  lead_vowel_tail,
  pictographic,
  consonant,
  linker,
  conjunct_extend,
};

class CharTable {
 public:
  // The table is made on first use (some milliseconds) and kept.
  static const CharTable& get();

  std::uint16_t flags(char32_t c) const { return entry(c).flags; }
  std::uint8_t combining_class(char32_t c) const { return entry(c).combining_class; }
  ClusterRole cluster_role(char32_t c) const { return entry(c).cluster_role; }

  // Appends the character's full decomposition (NFD, or NFKD for `compatible`), Hangul included.
  void decompose(char32_t c, bool compatible, std::u32string& to) const;

  // Appends the character in lower case, whatever stands around it.
  void lower(char32_t c, std::u32string& to) const;

 private:
  struct Entry {
    std::uint16_t flags;
    std::uint8_t combining_class;
    ClusterRole cluster_role;
    bool decomposes;  // or utf8proc would
    bool operator==(const Entry&) const = default;
  };
  using Page = std::array<Entry, 256>;

  CharTable();
  const Entry& entry(char32_t c) const { return pages_[page_of_[c >> 8]][c & 0xFF]; }

  std::array<std::uint16_t, 0x1100> page_of_;  // by the upper bits of a character; equal pages are one
  std::vector<Page> pages_;
};

// The canonical ordering of marks, in place.
void order_marks(const CharTable& table, std::u32string& text);

}  // namespace thaw
