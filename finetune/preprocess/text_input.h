// How texts become what a model takes: the column that they stand in, the tokenizer, and where they are cut.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"

namespace thaw {

class Tokenizer;

struct TextInput {
  std::string column;
  std::string pair_column = {};  // of the second text of a pair; empty: single texts
  std::shared_ptr<const Tokenizer> tokenizer;
  std::string folder;            // of its files
  std::int64_t max_length = 0;   // in tokens, special ones included
  std::int64_t vocabulary = 0;   // tokens that the model knows
  bool normalize = false;        // embeddings have length 1
  std::int64_t token_types = 0;  // that the model tells apart; 0: none
};

// Gives each part, which has texts or nothing, a copy of its inputs with tokens. Returns a warning where more than a
// tenth of the tokens stand for text that it does not know, which a damaged vocabulary or another language
// makes; else nothing.
std::string tokenize(const TextInput& input, const std::vector<Dataset*>& parts);

// A warning where the tokenizer of the folder that the weights of model.init are from gives other tokens for
// these texts; empty where it does not, and where the folder has none.
std::string note_of_tokenizer(const TextInput& input, const std::string& folder, const Dataset& data);

// Texts that have all the tokens there may be, so that something of them may have been cut off.
std::int64_t count_full(const TextInput& input, const Dataset& data);
// What is said of them; empty where there are none.
std::string note_of_cut(const TextInput& input, std::int64_t full, std::int64_t texts);

}  // namespace thaw
