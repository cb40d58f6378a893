// The normaliser of a tokenizer: text to the text that is looked up in the vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/tokenizer/unicode.h"

namespace thaw {

enum class NormalizerStep {
  clean_text,        // BERT: drop NUL, U+FFFD and kOther; every space becomes ' '
  space_cjk,         // BERT: spaces around CJK ideographs
  strip_nonspacing,  // BERT: drop kNonspacing
  strip_accents,     // drop kMark
  lowercase,
  nfd,
  nfkd,
  nfc,
  nfkc,
};

class Normalizer {
 public:
  // The steps are taken in this order, each on the whole text.
  explicit Normalizer(std::vector<NormalizerStep> steps);
  Normalizer() : Normalizer(std::vector<NormalizerStep>{}) {}

  // The text, which is UTF-8, after all steps: a view of `text` itself or of `buffer`, which it may
  // overwrite.
  std::string_view normalize(std::string_view text, std::string& buffer) const;

 private:
  void take(NormalizerStep step, std::u32string& text, std::u32string& spare) const;

  const CharTable* table_ = &CharTable::get();
  std::vector<NormalizerStep> steps_;
  std::array<std::int16_t, 128> ascii_;  // what becomes of an ASCII character; -1: it is dropped
};

}  // namespace thaw
