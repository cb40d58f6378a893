// Byte pair encoding (Sennrich et al. 2016): of neighbouring symbols the pair with the earliest merge is
// merged, the leftmost first, until no merge is left.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "finetune/preprocess/tokenizer/token_model.h"
#include "finetune/preprocess/tokenizer/trie.h"
#include "finetune/preprocess/tokenizer/vocabulary.h"

namespace thaw {

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
  std::optional<std::string_view> bytes_of(std::int64_t id) const override;
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
  std::vector<std::string> bytes_;          // by token, where symbols are bytes
  std::array<std::int64_t, 256> byte_ids_;  // of the symbols, or of the tokens to fall back to
  std::vector<Slot> merges_;                // a hash table with open addressing; its size is a power of two
};

}  // namespace thaw
