// Small helpers on text: numbers out of it, and user-given text into one-line messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

// The number that the whole text is, white space around it and a leading '+' aside; nothing if it is not one
// or is outside double's range. "nan" and "inf" are numbers here: callers that need finite ones check.
std::optional<double> parse_number(std::string_view text);

// Whether it is a decimal number that is too large for a double: one that parse_number gives nothing of.
bool is_beyond_range(std::string_view text);

// The shortest text that reads back to the same double: 0.1, 1e-05.
std::string exact_number(double value);

// "NA", "nan", "null", "None" and the like, in whatever case: what programs write where nothing is known.
bool may_be_missing(std::string_view text);

// Without the white space of Unicode around it (White_Space, and the byte order mark).
std::string_view trim(std::string_view text);

std::string lower_ascii(std::string text);

// The text in double quotes on one line: control characters escaped, cut after 60 bytes.
std::string in_quotes(std::string_view text);

// A field of a CSV file: quoted, as RFC 4180 has it, where it must be.
std::string csv_field(const std::string& text);

// "a, b, c".
std::string joined(const std::vector<std::string>& words, const char* separator = ", ");

// Whether the whole name is of the form of the glob (*, ?, [a-c]); a backslash is itself.
bool glob_matches(const std::string& glob, const std::string& name);

// The names, quoted; of more than eight the first three, the last and how many there are.
std::string name_list(const std::vector<std::string>& names);

}  // namespace thaw
