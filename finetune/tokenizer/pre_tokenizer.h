// Cutting normalised text into the pieces that a model turns into tokens.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "finetune/tokenizer/unicode.h"

namespace thaw {

struct PreTokenizerStep {
  enum class Kind {
    bert,        // at white space, which is dropped, and around each punctuation character
    digits,      // around runs of numeric characters, or around each of them
    byte_level,  // by GPT-2's pattern; must be the last step, and the model must be one of bytes
  };
  Kind kind = Kind::bert;
  bool individual_digits = false;  // digits
  bool add_prefix_space = false;   // byte_level: a space before text that does not begin with one
  bool use_regex = true;           // byte_level: false leaves the text whole
};

class PreTokenizer {
 public:
  // Takes a piece; false: no more are wanted.
  using Sink = std::function<bool(std::string_view piece)>;

  // Each step cuts the pieces of the one before. Without steps the text is one piece.
  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<PreTokenizerStep> steps) : steps_(std::move(steps)) {}

  // Gives the pieces of `text`, which is UTF-8 and not empty, to the sink in order; none is empty. False
  // where the sink wanted no more.
  bool cut(std::string_view text, const Sink& sink) const { return cut(0, text, sink); }

  const std::vector<PreTokenizerStep>& steps() const { return steps_; }

 private:
  bool cut(std::size_t step, std::string_view text, const Sink& sink) const;

  const CharTable* table_ = &CharTable::get();
  std::vector<PreTokenizerStep> steps_;
};

}  // namespace thaw
