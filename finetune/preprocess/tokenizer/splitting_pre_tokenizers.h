// The pre-tokenizers that cut at a pattern: Split, Punctuation, Whitespace and WhitespaceSplit; and
// Metaspace, which marks the spaces that it cuts at.
#pragma once

#include "finetune/preprocess/tokenizer/pre_tokenizer.h"

namespace thaw {

PreTokenizerReader read_split, read_punctuation, read_whitespace, read_whitespace_split, read_metaspace;

}  // namespace thaw
