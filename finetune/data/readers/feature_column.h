// One column of features, cell by cell: numbers, true and false, or the words of categories.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "finetune/data/cells.h"

namespace thaw {

// Empty, "?", or a word as may_be_missing() has it, in whatever case.
bool is_missing(std::string_view cell);

class FeatureColumn {
 public:
  // What is read as what. Of `words_or_numbers` all cells together decide: words make categories, or true and false;
  // numbers are numbers, and words among them stay problems. `words`: those of categories, or true and false.
  enum class Reading { numbers, booleans, categories, words, words_or_numbers };

  // What keeps a word from being a number.
  static constexpr const char* kNotANumber = "is not a number";
  static constexpr const char* kBoolean = "is true or false, not a number";

  FeatureColumn(Reading reading, bool takes_missing) : reading_(reading), takes_missing_(takes_missing) {}

  // What keeps the cell from being a feature; nullptr: nothing does, and `value` is as Cells has it. Some are none if
  // the column turns out to hold categories: see may_forget().
  const char* add(std::string_view cell, double& value);

  // Once all cells are in: whether the problems with its words are none.
  bool has_categories_after_all() const { return reading_ == Reading::words_or_numbers && holds_words(); }
  ColumnKind kind() const;
  bool reads_numbers() const { return reading_ == Reading::numbers || reading_ == Reading::words_or_numbers; }
  const std::vector<std::string>& words() const { return words_; }
  // Of a boolean column the number for each word's place.
  std::vector<float> booleans() const;

  std::int64_t missing() const { return missing_; }
  // Two spellings of one number, which are one category; both empty: there are none.
  const std::pair<std::string, std::string>& spellings() const { return spellings_; }
  const std::string& missing_word() const { return missing_word_; }  // the first that is no empty cell

 private:
  const char* add_word(std::string_view text, double& value);
  bool holds_words() const { return !words_.empty() && numbers_ == 0; }
  bool are_all_boolean() const;

  Reading reading_;
  bool takes_missing_;
  std::vector<std::string> words_;  // in their shortest spelling, by label_key
  std::unordered_map<std::string, std::size_t> place_;
  std::int64_t numbers_ = 0, missing_ = 0;
  std::string missing_word_;
  std::pair<std::string, std::string> spellings_;
};

}  // namespace thaw
