// Canonical composition (UAX #15, D117), with the characters that tokenizers' Unicode can compose.
#pragma once

#include <string>

#include "finetune/preprocess/tokenizer/unicode.h"

namespace thaw {

// NFC of text that is NFD, NFKC of text that is NFKD, in place.
void compose(const CharTable& table, std::u32string& text);

}  // namespace thaw
