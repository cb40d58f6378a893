#include "finetune/preprocess/tokenizer/normalizer.h"

#include <algorithm>
#include <functional>

#include "finetune/common/utf8.h"
#include "finetune/preprocess/tokenizer/compose.h"

namespace thaw {
namespace {

// As Hugging Face's `tokenizers` has it: the block that begins at 0x2B920 begins at 0x2B820 in Google's code.
bool is_cjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

// The next two are SentencePiece's rule "nmt", as `tokenizers` has it.
bool is_dropped_by_nmt(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F ||
         c == 0x9F;
}

bool is_space_to_nmt(char32_t c) {
  return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

bool is_in(std::string_view text, const std::string& buffer) {
  constexpr std::less_equal<const char*> kNotBehind;
  return kNotBehind(buffer.data(), text.data()) && kNotBehind(text.data(), buffer.data() + buffer.size());
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

}  // namespace

std::string_view Normalizer::normalize(std::string_view text, std::string& buffer) const {
  std::string spare;
  for (const auto& part : parts_) text = part->normalize(text, is_in(text, buffer) ? spare : buffer);
  return is_in(text, spare) ? std::string_view(buffer.assign(text)) : text;
}

bool Normalizer::keeps_front() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->keeps_front(); });
}

CharacterNormalizer::CharacterNormalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {
  std::u32string text, spare;
  for (std::size_t c = 0; c < ascii_.size(); ++c) {
    text.assign(1, static_cast<char32_t>(c));
    for (const NormalizerStep step : steps_) take(step, text, spare);
    ascii_[c] = text.empty() ? std::int16_t{-1} : static_cast<std::int16_t>(text[0]);
  }
}

bool CharacterNormalizer::keeps_front() const {
  return std::all_of(steps_.begin(), steps_.end(), [](NormalizerStep step) {
    return step == NormalizerStep::lowercase || step == NormalizerStep::nfd || step == NormalizerStep::nfkd ||
           step == NormalizerStep::nfc || step == NormalizerStep::nfkc;
  });
}

std::string_view CharacterNormalizer::normalize(std::string_view text, std::string& buffer) const {
  buffer.clear();
  if (is_ascii(text)) {  // no step looks at what stands around an ASCII character
    buffer.resize(text.size());
    std::size_t size = 0;
    for (const char c : text) {
      const std::int16_t mapped = ascii_[static_cast<unsigned char>(c)];
      buffer[size] = static_cast<char>(mapped);
      size += mapped >= 0 ? 1 : 0;
    }
    buffer.resize(size);
    return buffer;
  }
  std::u32string scalars, spare;
  scalars.reserve(text.size());
  for (const char* at = text.data(); at != text.data() + text.size();) scalars += next_scalar(at);
  for (const NormalizerStep step : steps_) take(step, scalars, spare);
  for (const char32_t c : scalars) append_scalar(c, buffer);
  return buffer;
}

void CharacterNormalizer::take(NormalizerStep step, std::u32string& text, std::u32string& spare) const {
  const auto drop = [&](CharFlag flag) {
    std::erase_if(text, [&](char32_t c) { return (table_->flags(c) & flag) != 0; });
  };
  spare.clear();
  switch (step) {
    case NormalizerStep::clean_text:
      std::erase_if(text,
                    [&](char32_t c) { return c == 0 || c == 0xFFFD || (table_->flags(c) & kOther) != 0; });
      for (char32_t& c : text)
        if ((table_->flags(c) & kSpace) != 0) c = ' ';
      return;
    case NormalizerStep::space_cjk:
      if (std::none_of(text.begin(), text.end(), is_cjk)) return;
      for (const char32_t c : text) {
        if (is_cjk(c))
          spare.append({U' ', c, U' '});
        else
          spare += c;
      }
      text.swap(spare);
      return;
    case NormalizerStep::strip_nonspacing:
      drop(kNonspacing);
      return;
    case NormalizerStep::strip_accents:
      drop(kMark);
      return;
    case NormalizerStep::lowercase:
      for (const char32_t c : text) table_->lower(c, spare);
      text.swap(spare);
      return;
    case NormalizerStep::nmt:
      std::erase_if(text, is_dropped_by_nmt);
      for (char32_t& c : text)
        if (is_space_to_nmt(c)) c = ' ';
      return;
    case NormalizerStep::nfd:
    case NormalizerStep::nfkd:
    case NormalizerStep::nfc:
    case NormalizerStep::nfkc: {
      const bool compatible = step == NormalizerStep::nfkd || step == NormalizerStep::nfkc;
      for (const char32_t c : text) table_->decompose(c, compatible, spare);
      text.swap(spare);
      order_marks(*table_, text);
      if (step == NormalizerStep::nfc || step == NormalizerStep::nfkc) compose(*table_, text);
      return;
    }
  }
}

}  // namespace thaw
