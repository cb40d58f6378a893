// Transcripts: labels that a model writes character by character.
#pragma once

#include <string>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

// The first two of Dataset::classes, called as in the vocabularies of Wav2Vec2: the blank of CTC, and a space.
inline constexpr const char* kBlankClass = "<pad>";
inline constexpr const char* kSpaceClass = "|";
// What else such vocabularies have, behind these: it separates repeats as the blank does, and is never written.
inline constexpr const char* kNeverWritten[] = {"<s>", "</s>", "<unk>"};

// Gives each sample its transcript, composed, white space being one space between words, and with source.spell its
// characters. The classes are the source's; else its alphabet, where that has all of the transcripts' characters; else the
// blank, the space and the scalar values of all transcripts, in their order. Notes what none of the classes is. InputError
// where the source's do not begin with blank and space.
void give_transcripts(Dataset& data, const std::vector<std::string>& texts, const DataSource& source);

// Whether the classes are the blank, the space and at least one character, each another; those that are never written may be
// among them.
bool is_alphabet(const std::vector<std::string>& classes);
// The same names with the blank and the space first; empty where they are no alphabet.
std::vector<std::string> in_alphabet_order(const std::vector<std::string>& names);
// The classes that are written, but for the space.
std::vector<std::string> written_characters(const std::vector<std::string>& alphabet);

// The text of a path through the classes: repeats are one character, blanks none.
std::string text_of_path(const std::vector<std::int64_t>& path, const std::vector<std::string>& classes);

}  // namespace thaw
