// Tokens that are found in the text before anything else happens to it, such as [MASK].
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/preprocess/tokenizer/trie.h"
#include "finetune/preprocess/tokenizer/unicode.h"

namespace thaw {

struct AddedToken {
  std::string content;  // what is looked for
  std::int64_t id = 0;
  bool single_word = false;  // not beside a word character
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space behind it
};

class AddedTokens {
 public:
  AddedTokens() : AddedTokens(std::vector<AddedToken>{}) {}
  explicit AddedTokens(std::vector<AddedToken> tokens);

  // Takes a part of the text: an added token's, with its id, or what is between them, with -1. False: no
  // more.
  using Sink = std::function<bool(std::string_view part, std::int64_t id)>;

  // Cuts the text at the leftmost token, the longest one there, and goes on behind it. False where the sink
  // wanted no more. No part between tokens is empty.
  bool cut(std::string_view text, const Sink& sink) const;
  bool has(std::int64_t id) const;

 private:
  bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) const;
  std::size_t strip_left(std::string_view text, std::size_t begin, std::size_t limit) const;
  std::size_t strip_right(std::string_view text, std::size_t end) const;

  const CharTable* table_ = &CharTable::get();
  std::vector<AddedToken> tokens_;
  std::array<bool, 256> begins_token_{};
  Trie trie_;  // to the index in tokens_
};

}  // namespace thaw
