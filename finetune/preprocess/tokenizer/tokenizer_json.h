// tokenizer.json, the one file that has a whole tokenizer.
#pragma once

#include <string>

#include "finetune/preprocess/tokenizer/reading.h"

namespace thaw {

ReadTokenizer read_tokenizer_json(const std::string& path);

}  // namespace thaw
