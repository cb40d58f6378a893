// Unigram (Kudo 2018, as SentencePiece uses it): of all ways to cut a piece into tokens the one whose scores
// have the largest sum.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "finetune/preprocess/tokenizer/token_model.h"
#include "finetune/preprocess/tokenizer/trie.h"
#include "finetune/preprocess/tokenizer/vocabulary.h"

namespace thaw {

class Unigram final : public TokenModel {
 public:
  struct Options {
    std::int64_t unk_id = 0;
    bool byte_fallback =
        false;  // an unknown part is the tokens of its bytes, <0x00> to <0xFF>, if all are there
  };

  // scores[id] is the token's. InputError for an id that is not a token's and a score that is not finite.
  Unigram(const Vocabulary& vocabulary, std::vector<double> scores, const Options& options);

  void append_ids(std::string_view piece, std::vector<std::int64_t>& ids) const override;
  std::optional<std::int64_t> unknown_id() const override { return unknown_; }

 private:
  struct Best {  // of the ways that end at a byte of the piece
    double score = 0.0;
    std::size_t begin = 0;  // of its last token
    std::int64_t id = -1;   // -1: there is no way yet
  };

  void find_best(std::string_view piece, std::vector<Best>& best) const;
  void append_part(std::string_view part, std::vector<std::int64_t>& ids) const;

  Trie tokens_;
  std::vector<double> scores_;
  std::int64_t unknown_;
  double unknown_score_;
  std::array<std::int64_t, 256> byte_ids_;
  bool byte_fallback_;
};

}  // namespace thaw
