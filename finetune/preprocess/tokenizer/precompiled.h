// The normalizer Precompiled: SentencePiece's table of replacements, as `tokenizers` follows it.
#pragma once

#include "finetune/preprocess/tokenizer/normalizer.h"

namespace thaw {

NormalizerReader read_precompiled;

}  // namespace thaw
