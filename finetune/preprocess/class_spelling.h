// Classes that are hardly meant to be several.
#pragma once

#include <string>
#include <vector>

namespace thaw {

// A warning for each class that differs from an earlier one in capitals, white space or the form of Unicode
// (NFC, NFD, full-width letters) alone, with both spellings.
std::vector<std::string> notes_of_spellings(const std::vector<std::string>& classes);

}  // namespace thaw
