// CSV as RFC 4180 has it, and the same with tabs: a field in quotes may hold separators, line ends and
// doubled quotes. A quote inside a field that does not begin with one is an ordinary character. Lines end in
// LF or CR LF. An empty line is skipped, unless the table has one column, where it is a missing value.

#include <string>
#include <utility>

#include "core/error.h"
#include "finetune/data/formats.h"
#include "finetune/data/input_file.h"
#include "finetune/data/table.h"

namespace thaw {
namespace {

// Gives a text's records one by one. Quoted fields are unescaped inside the text, so that cells can point
// there.
class CsvReader {
 public:
  CsvReader(const std::string& path, std::string text, char separator)
      : path_(path),
        text_(std::move(text)),
        separator_(separator),
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
    do {
      cells.push_back(field());
    } while (another_field());
    if (width_ == 0) width_ = cells.size();
    if (cells.size() != width_) {
      fail_input("a row of ", cells.size(), " fields in a table of ", width_, " columns (",
                 place(path_, cells.front().line), "); give every row ", width_,
                 " fields, and put fields that hold the separator in quotes");
    }
    return true;
  }

 private:
  void skip_empty_lines() {
    while (at_ != end_ && (*at_ == '\n' || (*at_ == '\r' && at_ + 1 != end_ && at_[1] == '\n'))) end_line();
  }

  Cell field() {
    Cell cell;
    cell.line = line_;
    cell.column = column();
    cell.text = at_ != end_ && *at_ == '"' ? quoted_field(cell) : plain_field();
    if (cell.text.size() > static_cast<size_t>(kMaxFieldBytes)) {
      fail_input("a field longer than 1 MiB (", place(path_, cell.line, cell.column), "); shorten it");
    }
    return cell;
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
      if (at_ == end_) {
        fail_input("a quote that is never closed (", place(path_, cell.line, cell.column),
                   "); close it, or double a quote that belongs to the text");
      }
      if (*at_ == '"') {
        if (at_ + 1 == end_ || at_[1] != '"') break;
        ++at_;
      } else if (*at_ == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      }
      *out++ = *at_;
    }
    ++at_;
    return {start, static_cast<size_t>(out - start)};
  }

  // Steps over what ends a field; true when the same record goes on.
  bool another_field() {
    if (at_ == end_) return false;
    if (*at_ == separator_) {
      ++at_;
      return true;
    }
    if (*at_ == '\r' && (at_ + 1 == end_ || at_[1] != '\n')) {
      fail_input("a carriage return without a line feed (", place(path_, line_, column()),
                 "); save the file with LF or CR LF line ends");
    }
    if (*at_ != '\r' && *at_ != '\n') {
      fail_input("text after a closing quote (", place(path_, line_, column()),
                 "); double a quote that belongs to the text");
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
  char* at_;
  char* end_;
  char* line_start_;
  int64_t line_ = 1;
  size_t width_ = 0;
};

}  // namespace

Dataset read_csv(const DataSource& source, char separator) {
  CsvReader reader(source.path, read_text(source.path), separator);
  std::vector<Cell> cells;
  if (!reader.next(cells)) fail_input("the file is empty (", source.path, "); give a header and rows");
  std::vector<std::string> names;
  names.reserve(cells.size());
  for (const Cell& cell : cells) names.emplace_back(cell.text);
  TableBuilder table(source, std::move(names), cells.front().line);
  while (reader.next(cells)) table.add(cells);
  return table.finish();
}

}  // namespace thaw
