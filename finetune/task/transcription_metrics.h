// The metrics of transcription, from the logits of each sample's places. See Scored in finetune/task/metrics.h.
#pragma once

#include <algorithm>
#include <cstddef>

#include "finetune/task/metrics.h"

namespace thaw {

// The likeliest class of each row of `columns` outputs.
template <class T>
std::vector<std::int64_t> likeliest_path(const T* row, const T* end, std::ptrdiff_t columns) {
  std::vector<std::int64_t> path;
  for (; row < end; row += columns) path.push_back(std::max_element(row, row + columns) - row);
  return path;
}

// What a sample's outputs say, by the likeliest class of each place.
std::string written_text(const Outputs& outputs, std::int64_t sample,
                         const std::vector<std::string>& classes);

// The CTC loss divided by the transcript's length, its mean; 0 for a transcript that its places cannot spell.
Scored path_loss(const Outputs& outputs, const Dataset& data);

// Edits (insertions, deletions, substitutions) that make the transcript of what was written, all together, divided by the
// characters, or words, of all transcripts: as jiwer's cer and wer have it. A character is a scalar value; spaces count.
Scored character_error_rate(const Outputs& outputs, const Dataset& data);
Scored word_error_rate(const Outputs& outputs, const Dataset& data);

}  // namespace thaw
