// The normaliser of a tokenizer: text to the text that is looked up in the vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/preprocess/tokenizer/unicode.h"

namespace thaw {

class NormalizerPart {
 public:
  virtual ~NormalizerPart() = default;

  // The text, which is UTF-8, as this part leaves it: a view of `text` itself or of `buffer`, which it may
  // overwrite and which does not hold `text`.
  virtual std::string_view normalize(std::string_view text, std::string& buffer) const = 0;

  // Whether the first character of what comes out always stems from the first one that goes in.
  virtual bool keeps_front() const = 0;
};

// One part after another, each on the whole text.
class Normalizer {
 public:
  using Parts = std::vector<std::shared_ptr<const NormalizerPart>>;

  Normalizer() = default;
  explicit Normalizer(Parts parts) : parts_(std::move(parts)) {}

  // As a part does it.
  std::string_view normalize(std::string_view text, std::string& buffer) const;

  bool keeps_front() const;

 private:
  Parts parts_;
};

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
  nmt,  // SentencePiece: drop controls, what looks like white space becomes ' '
};

// What goes character by character, but for the marks that the normal forms order and compose.
class CharacterNormalizer final : public NormalizerPart {
 public:
  // The steps are taken in this order, each on the whole text.
  explicit CharacterNormalizer(std::vector<NormalizerStep> steps);

  std::string_view normalize(std::string_view text, std::string& buffer) const override;
  bool keeps_front() const override;

 private:
  void take(NormalizerStep step, std::u32string& text, std::u32string& spare) const;

  const CharTable* table_ = &CharTable::get();
  std::vector<NormalizerStep> steps_;
  std::array<std::int16_t, 128> ascii_;  // what becomes of an ASCII character; -1: it is dropped
};

// Makes a part of its JSON in tokenizer.json; `place` is for messages.
using NormalizerReader = std::shared_ptr<const NormalizerPart>(const nlohmann::json& json,
                                                               const std::string& place);
}  // namespace thaw
