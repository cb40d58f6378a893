// What a sentence-transformers folder says of the way from a text's tokens to its one vector.
#pragma once

#include <string>

namespace thaw {

// `pooling`: of the model without such files; set to what the folder names (modules.json and the config.json
// of its Pooling, or 1_Pooling/config.json alone). Returns whether vectors are made to have length 1 at the
// end. InputError, naming the file, where vectors go through a module that thaw has not, or in another order
// than Transformer, Pooling, Normalize, or where a file that is named is missing or malformed.
bool read_sentence_modules(const std::string& folder, std::string& pooling);

}  // namespace thaw
