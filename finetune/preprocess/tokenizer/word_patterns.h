// The regular expressions that cut a text into words. Each is followed by hand: of its alternatives the first
// one that fits, as long as it can be.
#pragma once

#include <memory>
#include <string_view>

#include "finetune/preprocess/tokenizer/text_pattern.h"

namespace thaw {

// The patterns of byte-level BPE, which leave nothing between two matches; null for another one.
std::unique_ptr<const TextPattern> word_pattern(std::string_view regex);
std::unique_ptr<const TextPattern> gpt2_pattern();

// \w+|[^\w\s]+
std::unique_ptr<const TextPattern> words_and_symbols();

}  // namespace thaw
