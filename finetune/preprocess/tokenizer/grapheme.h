// Extended grapheme clusters (UAX #29, revision 45 and later: with GB9c).
#pragma once

#include "finetune/preprocess/tokenizer/unicode.h"

namespace thaw {

// Where the extended grapheme cluster ends that begins at `at`, which is not `end`; the text is UTF-8.
const char* next_grapheme(const CharTable& table, const char* at, const char* end);

}  // namespace thaw
