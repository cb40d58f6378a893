// What is read of a tokenizer's folder, whatever files it has. Private to this folder: tokenizer.h has what
// others need.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "finetune/preprocess/tokenizer/pipeline.h"
#include "finetune/preprocess/tokenizer/vocabulary.h"

namespace thaw {

// An added token as a file declares it.
struct DeclaredToken {
  AddedToken token;
  bool normalized = false;
  bool special = false;
  std::optional<std::int64_t> id;  // which must be the one that it gets
};

// The parts but for what the folder's config adds, and the padding id that the file itself declares.
struct ReadTokenizer {
  explicit ReadTokenizer(std::string place) : vocabulary(std::move(place)) {}

  TokenizerParts parts;
  std::map<std::string, std::int64_t> added_ids;  // of added tokens
  Vocabulary vocabulary;
  std::optional<std::int64_t> pad_id;
};

// The token's id, an added one's too.
std::optional<std::int64_t> find_id(const std::string& token, const ReadTokenizer& tokenizer);

// An id: the token's own where it is in the vocabulary, else the next free one. Fills the parts' added tokens
// (which need the normalizer) and vocab_size. InputError where the declared id is another one.
void set_added_tokens(std::vector<DeclaredToken> tokens, ReadTokenizer& to);

}  // namespace thaw
