#include "finetune/common/text_table.h"

#include <utf8proc.h>
#include <algorithm>
#include <sstream>

#include "finetune/common/utf8.h"

namespace thaw {
namespace {

// Columns of a terminal: two for an ideograph, none for a mark that combines.
std::size_t width_of(const std::string& text) {
  const std::string valid = replace_invalid_utf8(text);
  std::size_t width = 0;
  for (const char* at = valid.data(); at != valid.data() + valid.size();)
    width += static_cast<std::size_t>(utf8proc_charwidth(static_cast<utf8proc_int32_t>(next_scalar(at))));
  return width;
}

}  // namespace

std::string text_table(const std::vector<TextRow>& rows, Align others) {
  std::vector<std::size_t> widths;
  for (const TextRow& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  for (const TextRow& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - width_of(row[c]), ' ');
      const bool is_last = c + 1 == row.size();
      if (c > 0) text += "  ";
      if (c > 0 && others == Align::right)
        text += padding + row[c];
      else
        text += row[c] + (is_last ? "" : padding);
    }
    text += '\n';
  }
  return text;
}

std::size_t table_width(const std::string& table) {
  std::istringstream lines(table);
  std::size_t width = 0;
  for (std::string line; std::getline(lines, line);) width = std::max(width, width_of(line));
  return width;
}

std::string wrapped(const std::string& words, std::size_t columns) {
  std::istringstream in(words);
  std::string text, line;
  for (std::string word; in >> word;) {
    if (!line.empty() && width_of(line) + 1 + width_of(word) > columns) {
      text += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? text : text + line + "\n";
}

}  // namespace thaw
