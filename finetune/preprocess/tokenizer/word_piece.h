// WordPiece (Schuster and Nakajima 2012, as BERT uses it): from the left, the longest token each time; those
// that do not begin the piece carry a prefix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/preprocess/tokenizer/token_model.h"
#include "finetune/preprocess/tokenizer/trie.h"
#include "finetune/preprocess/tokenizer/vocabulary.h"

namespace thaw {

class WordPiece final : public TokenModel {
 public:
  struct Options {
    std::string unk_token = "[UNK]";
    std::string continuing_subword_prefix = "##";
    std::int64_t max_input_chars_per_word = 100;  // a longer piece is unknown
  };

  WordPiece(const Vocabulary& vocabulary, const Options& options);

  void append_ids(std::string_view piece, std::vector<std::int64_t>& ids) const override;
  std::optional<std::int64_t> unknown_id() const override { return unknown_; }

 private:
  Trie first_, continuing_;
  std::int64_t unknown_;
  std::size_t max_chars_;
};

}  // namespace thaw
