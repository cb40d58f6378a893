// The metrics of transcription, from the logits of each sample's places. See Scored in finetune/task/metrics.h.
#pragma once

#include "finetune/task/metrics.h"

namespace thaw {

// What a sample's outputs say: by the likeliest class of each place, or what the model has written.
std::string written_text(const Outputs& outputs, std::int64_t sample,
                         const std::vector<std::string>& classes);

// The CTC loss divided by the transcript's length, its mean; 0 for a transcript that its places cannot spell. Of a model
// that writes the mean loss of all tokens.
Scored transcription_loss(const Outputs& outputs, const Dataset& data);

// Edits (insertions, deletions, substitutions) that make the transcript of what was written, all together, divided by the
// characters, or words, of all transcripts: as jiwer's cer and wer have it. A character is a scalar value; spaces count.
Scored character_error_rate(const Outputs& outputs, const Dataset& data);
Scored word_error_rate(const Outputs& outputs, const Dataset& data);
// The same of both texts as plain_text() has them: what is heard, however it is written.
Scored plain_character_error_rate(const Outputs& outputs, const Dataset& data);
Scored plain_word_error_rate(const Outputs& outputs, const Dataset& data);

}  // namespace thaw
