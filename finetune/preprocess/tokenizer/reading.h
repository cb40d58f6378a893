// How a tokenizer is read from its folder. Private to this folder: tokenizer.h has what others need.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "finetune/preprocess/tokenizer/pipeline.h"

namespace thaw {

// An added token as a file declares it.
struct DeclaredToken {
  AddedToken token;
  bool normalized = false;
  bool special = false;
  std::optional<std::int64_t> id;  // which must be the one that it gets
};

// What tokenizer_config.json and special_tokens_map.json say; where both speak, the first one counts.
struct FolderConfig {
  std::map<std::string, DeclaredToken> special_tokens;  // by role: "cls_token", ..
  std::map<std::int64_t, DeclaredToken> added_tokens;   // by id: added_tokens_decoder
  std::optional<std::string> tokenizer_class;
  std::optional<std::int64_t> model_max_length;
  std::optional<TruncationSide> truncation_side;
  std::optional<bool> do_lower_case, tokenize_chinese_chars, strip_accents, add_prefix_space;
  bool add_bos_token = false;
};

FolderConfig read_folder_config(const std::string& folder);

// The parts but for what the folder's config adds, and the padding id that the file itself declares.
struct ReadTokenizer {
  explicit ReadTokenizer(std::string place) : vocabulary(std::move(place)) {}

  TokenizerParts parts;
  std::map<std::string, std::int64_t> added_ids;  // of added tokens
  Vocabulary vocabulary;
  std::optional<std::int64_t> pad_id;
};

ReadTokenizer read_tokenizer_json(const std::string& path);
ReadTokenizer read_word_piece_files(const std::string& folder, const FolderConfig& config);
ReadTokenizer read_bpe_files(const std::string& folder, const FolderConfig& config);

// An id: the token's own where it is in the vocabulary, else the next free one. Fills the parts' added tokens
// (which need the normalizer) and vocab_size. InputError where the declared id is another one.
void set_added_tokens(std::vector<DeclaredToken> tokens, ReadTokenizer& to);

// The steps of BERT's normaliser. Without strip_accents it strips them where it lower-cases.
std::vector<NormalizerStep> bert_normalizer(bool clean_text, bool cjk, std::optional<bool> strip_accents,
                                            bool lowercase);

// [CLS] A [SEP] and [CLS] A [SEP] B [SEP], the latter's B and last [SEP] of type 1.
void set_bert_templates(std::int64_t cls, std::int64_t sep, TokenizerParts& parts);

// <s> A </s> and <s> A </s> </s> B </s>, all of type 0.
void set_roberta_templates(std::int64_t cls, std::int64_t sep, TokenizerParts& parts);

// Components of tokenizer.json; `place` is for messages.
Normalizer read_normalizer(const nlohmann::json& json, const std::string& place);
PreTokenizer read_pre_tokenizer(const nlohmann::json& json, const std::string& place);
void read_post_processor(const nlohmann::json& json, const std::string& place, ReadTokenizer& to);

// The component's "type". InputError if it is no object or has none.
std::string component_type(const nlohmann::json& json, const std::string& place);

[[noreturn]] void refuse_component(const std::string& type, const std::string& known,
                                   const std::string& place);

}  // namespace thaw
