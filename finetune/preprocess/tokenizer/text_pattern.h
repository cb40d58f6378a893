// What Split and Replace look for in a text, and how a text is cut at it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "finetune/preprocess/tokenizer/unicode.h"

namespace thaw {

class TextPattern {
 public:
  struct Match {
    std::size_t begin, end;
  };

  virtual ~TextPattern() = default;

  // The first match in text.substr(from); it is not empty. Where there is none, both are text.size(). The
  // text is UTF-8, and `from` is the end of the match before, or 0.
  virtual Match find(std::string_view text, std::size_t from) const = 0;

  // Whether a match may be of several characters.
  virtual bool takes_several() const { return true; }
};

// The string itself.
class LiteralPattern final : public TextPattern {
 public:
  explicit LiteralPattern(std::string literal) : literal_(std::move(literal)) {}
  Match find(std::string_view text, std::size_t from) const override;
  bool takes_several() const override;

 private:
  std::string literal_;
};

// So many characters of one kind in a row, as many as there are: \s+, " {2,}", \p{N}{1,3}.
class RunPattern final : public TextPattern {
 public:
  struct Kind {
    std::uint16_t flags = 0;       // any of these, or
    char32_t first = 1, last = 0;  // one of these
  };

  RunPattern(const Kind& kind, std::size_t least, std::size_t most)
      : kind_(kind), least_(least), most_(most) {}
  Match find(std::string_view text, std::size_t from) const override;
  bool takes_several() const override { return most_ > 1; }

 private:
  bool fits(char32_t c) const {
    return (c >= kind_.first && c <= kind_.last) || (table_->flags(c) & kind_.flags) != 0;
  }

  const CharTable* table_ = &CharTable::get();
  Kind kind_;
  std::size_t least_, most_;
};

// object["pattern"]: {"String": ..} or {"Regex": ..}. InputError for a regular expression that is not in this
// version; `place` is for messages.
std::shared_ptr<const TextPattern> read_pattern(const nlohmann::json& object, const std::string& place);

// What becomes of a match.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

SplitBehavior read_behavior(const nlohmann::json& object, const std::string& place);

// Gives the pieces of `text` to the sink, none of them empty; false where that wanted no more. `invert`: what
// is between the matches counts as the matches.
bool split(const TextPattern& pattern, SplitBehavior behavior, bool invert, std::string_view text,
           const std::function<bool(std::string_view)>& sink);

}  // namespace thaw
