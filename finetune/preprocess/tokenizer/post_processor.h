// What is done to ids once the text is cut: truncation, special tokens, type ids.
#pragma once

#include <cstdint>
#include <vector>

#include "finetune/preprocess/tokenizer/tokenizer.h"

namespace thaw {

enum class TruncationSide { left, right };

// A part of the result: one of the texts, or special tokens.
struct TemplatePiece {
  enum class Kind { first, second, special };
  Kind kind = Kind::first;
  std::int64_t type_id = 0;
  std::vector<std::int64_t> ids;  // of special tokens
};

using Template = std::vector<TemplatePiece>;

// How many special tokens it adds.
std::int64_t added_tokens(const Template& pieces);

// Shortens both to `room` ids in all, the longer one first; where both must give, the longer one of an odd
// number keeps one more.
void truncate_longest_first(std::vector<std::int64_t>& first, std::vector<std::int64_t>& second,
                            std::int64_t room, TruncationSide side);

Encoding apply_template(const Template& pieces, const std::vector<std::int64_t>& first,
                        const std::vector<std::int64_t>& second);

}  // namespace thaw
