// A tokenizer's vocabulary, and the models that cut pieces of text into tokens of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "finetune/preprocess/tokenizer/trie.h"

namespace thaw {

// Tokens and their ids. `place` is for messages: the file, and perhaps what of it.
class Vocabulary {
 public:
  explicit Vocabulary(std::string place) : place_(std::move(place)) {}

  // InputError for an id that is negative, above 2^31 - 1, or another token's. A token that stands there
  // already gets the new id.
  void add(const std::string& token, std::int64_t id);

  std::optional<std::int64_t> find(const std::string& token) const;

  // InputError where there is no such token.
  std::int64_t at(const std::string& token) const;

  // The ids of <0x00> to <0xFF>, which stand for bytes; -1 where there is no such token.
  std::array<std::int64_t, 256> byte_tokens() const;

  std::int64_t count() const { return static_cast<std::int64_t>(ids_.size()); }
  std::int64_t end_id() const { return end_id_; }  // one above the highest id
  const std::unordered_map<std::string, std::int64_t>& ids() const { return ids_; }
  const std::string& place() const { return place_; }

 private:
  std::string place_;
  std::unordered_map<std::string, std::int64_t> ids_;
  std::unordered_map<std::int64_t, std::string> tokens_;
  std::int64_t end_id_ = 0;
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;

  // Appends the ids of the piece's tokens. The piece is UTF-8 and not empty.
  virtual void append_ids(std::string_view piece, std::vector<std::int64_t>& ids) const = 0;

  // See Tokenizer.
  virtual std::optional<std::int64_t> unknown_id() const = 0;
};

// WordPiece (Schuster and Nakajima 2012, as BERT uses it): from the left, the longest token each time; those
// that do not begin the piece carry a prefix.
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

// Byte pair encoding (Sennrich et al. 2016): of neighbouring symbols the pair with the earliest merge is
// merged, the leftmost first, until no merge is left.
class Bpe final : public TokenModel {
 public:
  using Merge = std::pair<std::string, std::string>;

  struct Options {
    bool byte_level =
        true;  // symbols are bytes, which the vocabulary spells in GPT-2's alphabet; else characters
    bool ignore_merges = false;  // a piece that is a token is that token, whatever the merges make of it
    bool fuse_unk = false;       // unknown symbols side by side are one
    bool byte_fallback = false;  // an unknown symbol is the tokens of its bytes, <0x00> to <0xFF>
    std::optional<std::string> unk_token;  // without one, unknown symbols are left out
  };

  // InputError for a merge of or to what is not in the vocabulary, and for a byte that has no token where
  // they are asked for.
  Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, const Options& options);

  void append_ids(std::string_view piece, std::vector<std::int64_t>& ids) const override;
  std::optional<std::int64_t> unknown_id() const override {
    return unknown_ < 0 ? std::nullopt : std::optional(unknown_);
  }

 private:
  struct Slot {
    std::uint64_t pair = ~std::uint64_t{0};  // no merge
    std::uint32_t rank = 0;
    std::int32_t id = 0;
  };
  struct Symbol {
    std::int32_t id;
    std::int32_t previous, next;  // -1: none
    bool gone;
  };
  struct Candidate {
    std::uint32_t rank;
    std::int32_t left;  // its symbol
    std::int32_t id;    // what it becomes
  };

  void add_merge(std::int64_t left, std::int64_t right, std::uint32_t rank, std::int64_t id);
  const Slot* find_merge(std::int32_t left, std::int32_t right) const;
  void split(std::string_view piece, std::vector<Symbol>& symbols) const;
  void merge_all(std::vector<Symbol>& symbols, std::vector<Candidate>& queue) const;

  Options options_;
  std::int64_t unknown_ = -1;
  Trie tokens_;                             // spelt in bytes where symbols are bytes
  std::array<std::int64_t, 256> byte_ids_;  // of the symbols, or of the tokens to fall back to
  std::vector<Slot> merges_;                // a hash table with open addressing; its size is a power of two
};

// Unigram (Kudo 2018, as SentencePiece uses it): of all ways to cut a piece into tokens the one whose scores
// have the largest sum.
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
