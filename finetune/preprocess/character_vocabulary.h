// The characters of a recogniser by CTC in the files of transformers' Wav2Vec2CTCTokenizer: vocab.json, and what
// tokenizer_config.json, special_tokens_map.json and added_tokens.json say of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace thaw {

inline constexpr const char* kVocabularyName = "vocab.json";

// The names of a head's rows as readers/transcripts.h has them: kBlankClass for the token of padding, kSpaceClass for the one between
// words, those that are never written by their usual names, others as they stand; where do_lower_case says so in lower case,
// which is how such a tokenizer decodes. InputError for a file that is no table of tokens and ids, ids that two tokens have or
// the head has not, and rows without a token.
std::vector<std::string> read_character_vocabulary(const std::string& folder, std::int64_t rows);

// The same files for these names.
void write_character_vocabulary(const std::string& folder, const std::vector<std::string>& names);

}  // namespace thaw
