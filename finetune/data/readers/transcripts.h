// Transcripts: labels that a model writes character by character.
#pragma once

#include <string>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

// The first two of Dataset::classes, called as in the vocabularies of Wav2Vec2: the blank of CTC, and a space.
inline constexpr const char* kBlank = "<pad>";
inline constexpr const char* kSpace = "|";

// Gives each sample its transcript, white space being one space between words, and with source.spell its characters. The
// classes are the
// source's, else the blank, the space and the scalar values of all transcripts, in their order. Notes what none of the
// classes is. InputError where the source's do not begin with blank and space.
void give_transcripts(Dataset& data, const std::vector<std::string>& texts, const DataSource& source);

// Whether the classes are the blank, the space and at least one character, each another.
bool is_alphabet(const std::vector<std::string>& classes);

// The text of a path through the classes: repeats are one character, blanks none.
std::string text_of_path(const std::vector<std::int64_t>& path, const std::vector<std::string>& classes);

}  // namespace thaw
