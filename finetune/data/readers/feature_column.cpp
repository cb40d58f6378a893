#include "finetune/data/readers/feature_column.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/labels.h"

namespace thaw {
namespace {

constexpr std::array<std::string_view, 2> kTrue = {"true", "yes"}, kFalse = {"false", "no"};
// Places of words are kept as 32-bit floats, which have no more whole numbers in a row.
constexpr size_t kMostWords = size_t{1} << 24;

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view text) {
  return std::find(words.begin(), words.end(), lower_ascii(std::string(text))) != words.end();
}

// 1, 0, or nothing for another word.
std::optional<float> boolean_of(std::string_view word) {
  if (is_one_of(kTrue, word)) return 1.0F;
  if (is_one_of(kFalse, word)) return 0.0F;
  return std::nullopt;
}

// "1,5" or "1,234.5": the decimal comma of half the world's spreadsheets, or the other half's thousands.
bool has_comma(std::string_view text) {
  std::string without(text);
  return std::erase(without, ',') > 0 && parse_number(without).has_value();
}

// What keeps the text from being a number; nullptr: nothing does, and `value` is the number.
const char* problem_of_number(std::string_view text, double& value) {
  constexpr const char* kTooLarge = "is too large for a 32-bit float";
  const std::optional<double> number = parse_number(text);
  if (!number) {
    if (is_missing(text)) return "is missing";
    if (boolean_of(text)) return FeatureColumn::kBoolean;
    if (is_beyond_range(text)) return kTooLarge;
    return has_comma(text) ? "is not a number but has a comma" : FeatureColumn::kNotANumber;
  }
  if (!std::isfinite(*number)) return "is not finite";
  value = *number;
  return std::isfinite(static_cast<float>(value)) ? nullptr : kTooLarge;
}

bool is_word(std::string_view text) {
  return !parse_number(text) && !is_beyond_range(text) && !has_comma(text);
}

}  // namespace

bool is_missing(std::string_view cell) {
  const std::string_view text = trim(cell);
  return text.empty() || text == "?" || may_be_missing(text);
}

const char* FeatureColumn::add(std::string_view cell, double& value) {
  const std::string_view text = trim(cell);
  if (takes_missing_ && is_missing(text)) {
    if (missing_word_.empty()) missing_word_ = text;
    ++missing_;
    value = std::numeric_limits<double>::quiet_NaN();
    return nullptr;
  }
  if (reading_ == Reading::numbers) return problem_of_number(text, value);
  if (is_missing(text)) return "is missing";
  if (reading_ == Reading::booleans) {
    const std::optional<float> boolean = boolean_of(text);
    if (boolean) value = *boolean;
    return boolean ? nullptr : "is neither true nor false";
  }
  if (reading_ != Reading::words_or_numbers) return add_word(text, value);
  if (!is_word(text)) {
    ++numbers_;
    return problem_of_number(text, value);
  }
  double ignored = 0;
  add_word(text, value);
  return problem_of_number(text, ignored);
}

const char* FeatureColumn::add_word(std::string_view text, double& value) {
  std::string key = label_key(text);
  if (words_.size() == kMostWords && !place_.contains(key))
    return "has a word too many: 16777216 others stand above it";
  const auto [known, is_new] = place_.emplace(std::move(key), words_.size());
  if (is_new) words_.emplace_back(text);
  std::string& word = words_[known->second];
  if (text != word && spellings_.first.empty()) spellings_ = {word, std::string(text)};
  if (text.size() < word.size() || (text.size() == word.size() && text < word)) word = text;
  value = static_cast<double>(known->second);
  return nullptr;
}

bool FeatureColumn::are_all_boolean() const {
  return std::all_of(words_.begin(), words_.end(), [](const std::string& word) { return boolean_of(word); });
}

ColumnKind FeatureColumn::kind() const {
  switch (reading_) {
    case Reading::numbers:
      return ColumnKind::number;
    case Reading::booleans:
      return ColumnKind::boolean;
    case Reading::categories:
      return ColumnKind::category;
    case Reading::words_or_numbers:
      if (!holds_words()) return ColumnKind::number;
      break;
    case Reading::words:
      if (words_.empty()) return ColumnKind::category;
      break;
  }
  return are_all_boolean() ? ColumnKind::boolean : ColumnKind::category;
}

std::vector<float> FeatureColumn::booleans() const {
  std::vector<float> numbers;
  for (const std::string& word : words_) numbers.push_back(*boolean_of(word));
  return numbers;
}

}  // namespace thaw
