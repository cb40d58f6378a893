#include "finetune/data/readers/csv.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/input_file.h"
#include "finetune/data/readers/table.h"

namespace thaw {
namespace {

constexpr const char* kQuoteNone = "data.quote = \"none\" (predict: --quote none)";

enum class Quotes { csv, within_field, none };

std::string_view first_line(std::string_view text) { return text.substr(0, text.find_first_of("\r\n")); }

constexpr std::string_view kSeparators = ";\t,|";  // the likelier ones first

// The text without what stands in quotes, which open where a field begins, whatever separates fields.
std::string without_quoted(std::string_view text) {
  std::string rest;
  bool is_inside = false, may_open = true;
  for (const char c : text) {
    if (c == '"' && (is_inside || may_open))
      is_inside = !is_inside;
    else if (!is_inside)
      rest += c;
    may_open = c == '"' || kSeparators.find(c) != std::string_view::npos;  // a doubled quote goes on inside
  }
  return rest;
}

// The one that the file's ending stands for; where the header has none of it, but of another, that one.
char find_separator(const DataSource& source, char usual, std::string_view text) {
  if (source.separator != 0) return source.separator;
  const std::string_view header = first_line(text);
  const std::string names = source.quote == "none" ? std::string(header) : without_quoted(header);
  if (names.find(usual) != std::string::npos) return usual;
  for (const char other : kSeparators)
    if (names.find(other) != std::string::npos) return other;
  return usual;
}

const char* name_of(char separator) {
  return separator == ';' ? "semicolons" : separator == '\t' ? "tabs" : separator == ',' ? "commas" : "bars";
}

// Whether every line has as many separators as the first, whatever stands in quotes, and at least one.
bool is_table_without_quotes(std::string_view text, char separator) {
  std::ptrdiff_t width = 0;
  while (!text.empty()) {
    const std::string_view line = first_line(text);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty()) continue;
    const auto separators = std::count(line.begin(), line.end(), separator);
    if (width != 0 && separators != width) return false;
    width = separators;
    if (width == 0) return false;
  }
  return width > 0;
}

// Gives a text's records one by one. Quoted fields are unescaped inside the text, so that cells can point
// there.
class CsvReader {
 public:
  CsvReader(const std::string& path, std::string text, char separator, Quotes quotes, bool refuse_ambiguous)
      : path_(path),
        text_(std::move(text)),
        separator_(separator),
        quotes_(quotes),
        is_ambiguous_(refuse_ambiguous && is_table_without_quotes(text_, separator)),
        at_(text_.data()),
        end_(text_.data() + text_.size()),
        line_start_(at_) {}
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  // The next record, or false at the end. Every record has as many cells as the first.
  bool next(std::vector<Cell>& cells) {
    cells.clear();
    if (width_ != 1) skip_empty_lines();
    if (at_ == end_) return false;
    separators_ = 0;
    lines_are_rows_ = true;
    spanning_field_.clear();
    do {
      cells.push_back(field());
    } while (another_field());
    if (width_ == 0) width_ = cells.size();
    if (cells.size() != width_) refuse_width(cells);
    end_of_line_in_row();
    if (!spanning_field_.empty() && lines_are_rows_) doubt();
    return true;
  }

  // Rows that go on over line ends in quotes although each of their lines is a whole row: where the first
  // such field stands, and how many rows there are.
  const std::string& first_doubtful() const { return first_doubtful_; }
  int64_t doubtful() const { return doubtful_; }

 private:
  [[noreturn]] void refuse_width(const std::vector<Cell>& cells) const {
    fail_input("a row of ", cells.size(), " fields in a table of ", width_, " columns (",
               place(path_, cells.front().line), "); give every row ", width_,
               " fields, and put fields that hold the separator in quotes",
               open_quote_.empty() ? ""
                                   : concat(": the quote at ", open_quote_,
                                            " is not closed within its field, and is an ordinary character; "
                                            "data.quote = \"csv\" lets a field hold tabs and line ends"));
  }

  void skip_empty_lines() {
    while (at_ != end_ && (*at_ == '\n' || (*at_ == '\r' && at_ + 1 != end_ && at_[1] == '\n'))) end_line();
  }

  Cell field() {
    Cell cell;
    cell.line = line_;
    cell.column = column();
    cell.text = begins_quoted(cell) ? quoted_field(cell) : plain_field();
    if (cell.text.size() > static_cast<size_t>(kMaxFieldBytes)) {
      fail_input("a field longer than 1 MiB (", place(path_, cell.line, cell.column), "); shorten it");
    }
    return cell;
  }

  bool begins_quoted(const Cell& cell) {
    if (at_ == end_ || *at_ != '"' || quotes_ == Quotes::none) return false;
    if (quotes_ == Quotes::csv || closes_within_field()) return true;
    if (open_quote_.empty()) open_quote_ = place(path_, cell.line, cell.column);
    return false;
  }

  // The quote at at_, by one that ends the field on the same line.
  bool closes_within_field() const {
    const char* at = at_ + 1;
    for (; at != end_ && *at != separator_ && *at != '\n'; ++at) {
      if (*at != '"') continue;
      if (at + 1 == end_ || at[1] == separator_ || at[1] == '\n' || at[1] == '\r') return true;
      if (at[1] != '"') return false;
      ++at;
    }
    return false;
  }

  std::string_view plain_field() {
    const char* start = at_;
    while (at_ != end_ && *at_ != separator_ && *at_ != '\n' && *at_ != '\r') ++at_;
    return {start, static_cast<size_t>(at_ - start)};
  }

  std::string_view quoted_field(const Cell& cell) {
    const char* start = ++at_;
    char* out = at_;
    for (;; ++at_) {
      if (at_ == end_)
        refuse_quote("a quote that is never closed", cell,
                     "close it, or double a quote that belongs to the text");
      if (*at_ == '"') {
        if (at_ + 1 == end_ || at_[1] != '"') break;
        ++at_;
      } else if (*at_ == '\n') {
        if (spanning_field_.empty()) spanning_field_ = place(path_, cell.line, cell.column);
        end_of_line_in_row();
        ++line_;
        line_start_ = at_ + 1;
      } else if (*at_ == separator_) {
        ++separators_;
      }
      *out++ = *at_;
    }
    ++at_;
    if (at_ != end_ && *at_ != separator_ && *at_ != '\n' && *at_ != '\r')
      refuse_quote(concat("text after a closing quote in ", place(path_, line_, column())), cell,
                   "double a quote that belongs to the text");
    return {start, static_cast<size_t>(out - start)};
  }

  // Of a quote where it opened: where it closed may be far below.
  [[noreturn]] void refuse_quote(const std::string& what, const Cell& cell, const char* mend) const {
    fail_input(what, " (opened at ", place(path_, cell.line, cell.column), "); ", mend, ", or set ",
               kQuoteNone, " where quotes are ordinary characters");
  }

  // Of the line that ends here, were quotes ordinary characters.
  void end_of_line_in_row() {
    if (separators_ + 1 != width_) lines_are_rows_ = false;
    separators_ = 0;
  }

  void doubt() {
    if (is_ambiguous_)
      fail_input("a field in quotes goes on over line ends, but every line of the file is a whole row too (",
                 spanning_field_,
                 "); set data.quote = \"csv\" (predict: --quote csv) where quotes enclose fields, "
                 "or none where they are ordinary characters");
    if (doubtful_++ == 0) first_doubtful_ = spanning_field_;
  }

  // Steps over what ends a field; true when the same record goes on.
  bool another_field() {
    if (at_ == end_) return false;
    if (*at_ == separator_) {
      ++separators_;
      ++at_;
      return true;
    }
    if (*at_ == '\r' && (at_ + 1 == end_ || at_[1] != '\n')) {
      fail_input("a carriage return without a line feed (", place(path_, line_, column()),
                 "); save the file with LF or CR LF line ends");
    }
    end_line();
    return false;
  }

  void end_line() {
    at_ += *at_ == '\r' ? 2 : 1;
    ++line_;
    line_start_ = at_;
  }

  int64_t column() const { return at_ - line_start_ + 1; }

  const std::string& path_;
  std::string text_;
  char separator_;
  Quotes quotes_;
  bool is_ambiguous_;  // a quote that goes on over a line end may be an ordinary character
  char* at_;
  char* end_;
  char* line_start_;
  int64_t line_ = 1;
  size_t width_ = 0;
  std::string open_quote_;      // the first one that is an ordinary character, as it is not closed
  size_t separators_ = 0;       // on the line at hand, in quotes too
  bool lines_are_rows_ = true;  // those that the row at hand has come over
  std::string spanning_field_;  // its first field with a line end
  std::string first_doubtful_;
  int64_t doubtful_ = 0;
};

Quotes quotes_of(const DataSource& source, char separator) {
  if (source.quote == "none") return Quotes::none;
  return source.quote == "csv" || separator != '\t' ? Quotes::csv : Quotes::within_field;
}

}  // namespace

Dataset read_csv(const DataSource& source, char usual_separator) {
  std::string text = read_text(source.path);
  const char separator = find_separator(source, usual_separator, text);
  CsvReader reader(source.path, std::move(text), separator, quotes_of(source, separator),
                   source.quote.empty());
  std::vector<Cell> cells;
  if (!reader.next(cells)) fail_input("the file is empty (", source.path, "); give a header and rows");
  std::vector<std::string> names;
  names.reserve(cells.size());
  for (const Cell& cell : cells) names.emplace_back(cell.text);
  TableBuilder table(source, std::move(names), cells.front().line);
  while (reader.next(cells)) table.add(cells);
  if (source.separator == 0 && separator != usual_separator)
    table.note(concat("fields are separated by ", name_of(separator), " (", source.path, ")"));
  if (source.quote.empty() && reader.doubtful() > 0)
    table.note(concat("warning: ", reader.doubtful(), reader.doubtful() == 1 ? " row goes" : " rows go",
                      " on over line ends in quotes, and each of their lines is a whole row too (first: ",
                      reader.first_doubtful(), "); set ", kQuoteNone,
                      " where quotes are ordinary characters"));
  return table.finish();
}

}  // namespace thaw
