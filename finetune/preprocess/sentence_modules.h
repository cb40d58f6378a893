// What a sentence-transformers folder says of the way from a text's tokens to its one vector.
#pragma once

#include <string>

namespace thaw {

struct SentenceModules {
  std::string
      transformer;      // the folder in it that has config.json, weights and tokenizer; empty: it has them
  std::string pooling;  // "mean", "cls", "lasttoken", or what thaw has not; empty: nothing says it
  std::string pooling_file;  // which says it
  bool normalize = false;    // vectors are made to have length 1 at the end
};

// modules.json and the config.json of its Pooling, or 1_Pooling/config.json alone. InputError, naming the
// file, where vectors go through a module that thaw has not, or in another order than Transformer, Pooling,
// Normalize, or where a file that is named is missing or malformed.
SentenceModules read_sentence_modules(const std::string& folder);

// InputError for a pooling that the model has not: one of a decoder, or of another transformer.
void check_pooling(const SentenceModules& sentences, bool decoder);

}  // namespace thaw
