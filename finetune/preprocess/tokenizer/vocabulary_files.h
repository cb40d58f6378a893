// Tokenizers in their older form: vocab.txt, or vocab.json with merges.txt, and options in other files. What
// is made of them is what the class that tokenizer_config.json names makes of them in `transformers`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "finetune/preprocess/tokenizer/reading.h"

namespace thaw {

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

ReadTokenizer read_word_piece_files(const std::string& folder, const FolderConfig& config);
ReadTokenizer read_bpe_files(const std::string& folder, const FolderConfig& config);

}  // namespace thaw
