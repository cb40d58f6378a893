// Transcripts for a model that writes them token by token: what it is given, and what is right at each place of that. All
// but the last token of a text are given, behind the prompt; what is right is the next one (teacher forcing).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"

namespace thaw {

// How the model is asked, and its tokens are understood. Sample::characters are then the text's tokens and the one that
// ends it.
struct Dictation {
  WritingRules rules;
  std::function<std::string(const std::vector<std::int64_t>& tokens)> text_of;
};

// Of Tensor targets: a place behind which the prompt goes on, so that nothing is to be learnt there.
inline constexpr std::int64_t kPromptGoesOn = -100;

// How many tokens the model is given for each of these rows, at least the prompt.
std::vector<std::int64_t> written_lengths(const Dataset& data, const std::vector<std::int64_t>& rows);
// What it is given: ids [B, L] and their padding.
void add_written(const Dataset& data, const std::vector<std::int64_t>& rows, ModelInput& input);
// The next token at each of its places, those of a sample together, i64 [N].
Tensor next_tokens(const Dataset& data, const std::vector<std::int64_t>& rows);

}  // namespace thaw
