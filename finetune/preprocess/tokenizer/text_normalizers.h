// The normalizers Replace, Strip and Prepend.
#pragma once

#include "finetune/preprocess/tokenizer/normalizer.h"

namespace thaw {

NormalizerReader read_replace, read_strip, read_prepend;

}  // namespace thaw
