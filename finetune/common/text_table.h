// Tables for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace thaw {

using TextRow = std::vector<std::string>;

enum class Align { left, right };

// A line per row, columns padded to equal width with two blanks between them; rows may be of different
// length. The first column is aligned left, `others` says how the rest is. Widths are counted in code points
// of UTF-8.
std::string text_table(const std::vector<TextRow>& rows, Align others = Align::left);

// Of the longest line, in code points.
std::size_t table_width(const std::string& table);

// The words in lines of at most `columns` characters, each ended by a newline.
std::string wrapped(const std::string& words, std::size_t columns = 100);

}  // namespace thaw
