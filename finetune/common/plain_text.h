// Texts that mean the same, made the same; and text as it is heard, without what writing adds to speech.
#pragma once

#include <string>
#include <string_view>

namespace thaw {

// In Unicode's composed form (NFC). The text is UTF-8.
std::string composed(const std::string& text);

// With one space between words and none at the ends, whatever white space stands there (Unicode's White_Space).
std::string with_single_spaces(std::string_view text);

// Letters, digits and marks on letters alone, in lower case, with single spaces between words. An apostrophe goes out, and so
// does a mark of format (Unicode's Cf); every other sign becomes a space; composed.
std::string plain_text(std::string_view text);

}  // namespace thaw
