#include "finetune/data/readers/jsonl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/input_file.h"
#include "finetune/data/readers/table.h"

namespace thaw {
namespace {

constexpr int kMostDepth = 64;

// Takes the parser's events for one line: an object's keys with their values as text. What stands inside a
// list or an object that is a value is passed over.
class FlatObject : public nlohmann::json_sax<nlohmann::json> {
 public:
  struct Pair {
    std::string key, value;
    bool is_text = true, nested = false;
  };

  const std::vector<Pair>& pairs() const { return pairs_; }
  const std::string& problem() const { return problem_; }

  // Whether the parser stopped at a number beyond a double's range.
  bool has_too_large() const { return has_too_large_; }

  bool null() override { return value("", false); }
  bool boolean(bool v) override { return value(v ? "true" : "false", false); }
  bool number_integer(number_integer_t v) override { return value(integer_text(v), false); }
  bool number_unsigned(number_unsigned_t v) override { return value(integer_text(v), false); }
  bool number_float(number_float_t, const string_t& text) override { return value(text, false); }
  bool string(string_t& v) override { return value(v, true); }
  bool binary(binary_t&) override { return stop("binary data"); }
  bool key(string_t& name) override {
    if (depth_ == 1) pairs_.push_back({name, ""});
    return true;
  }
  bool start_object(size_t) override { return depth_ == 0 ? (depth_ = 1, true) : open_nested("{..}"); }
  bool end_object() override { return --depth_, true; }
  bool start_array(size_t) override {
    return depth_ == 0 ? stop("a line that is a list") : open_nested("[..]");
  }
  bool end_array() override { return --depth_, true; }
  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception& error) override {
    has_too_large_ = error.id == kOutOfRange;
    return stop(concat("a line that is not JSON from byte ", at, " on"));
  }

 private:
  static constexpr int kOutOfRange = 406;  // nlohmann/json's code

  template <class Integer>
  static std::string integer_text(Integer v) {
    std::array<char, 24> digits;
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), v).ptr};
  }

  bool value(std::string text, bool is_text) {
    if (depth_ == 0) return stop("a line that is a bare value");
    if (depth_ > 1) return true;
    pairs_.back().value = std::move(text);
    pairs_.back().is_text = is_text;
    return true;
  }

  bool open_nested(const char* shown) {
    if (depth_ == 1) pairs_.back().value = shown, pairs_.back().nested = true;
    if (++depth_ > kMostDepth) return stop(concat("values nested more than ", kMostDepth, " deep"));
    return true;
  }

  bool stop(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  int depth_ = 0;
  std::vector<Pair> pairs_;
  std::string problem_;
  bool has_too_large_ = false;
};

std::vector<std::string> keys_of(const FlatObject& object) {
  std::vector<std::string> keys;
  for (const FlatObject::Pair& pair : object.pairs()) keys.push_back(pair.key);
  return keys;
}

// Where the string ends that the text begins with, behind its quote.
size_t end_of_string(std::string_view text) {
  size_t at = 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

size_t end_of_word(std::string_view text) {
  return std::min(text.find_first_of("\"{}[]:, \t\r"), text.size());
}

// What the parser takes for no number: Python writes NaN, Infinity and -Infinity, and others what is beyond a
// double's range.
bool is_no_number(const std::string& word) {
  return word == "NaN" || word == "Infinity" || word == "-Infinity" || is_beyond_range(word);
}

// With quotes around these: as strings they are values that a feature refuses and nobody else minds.
std::string quote_no_numbers(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const bool is_string = line[0] == '"';
    const size_t end = is_string ? end_of_string(line) : std::max<size_t>(1, end_of_word(line));
    const std::string word(line.substr(0, end));
    out += !is_string && is_no_number(word) ? concat('"', word, '"') : word;
    line.remove_prefix(end);
  }
  return out;
}

// Puts the values of one line's object in the order of the table's columns.
class ColumnOrder {
 public:
  ColumnOrder(const std::string& path, const std::vector<std::string>& names)
      : path_(path), columns_(names.size()) {
    for (size_t i = 0; i < names.size(); ++i) column_.emplace(names[i], i);
  }

  void arrange(const FlatObject& object, const TableBuilder& table, int64_t line, std::vector<Cell>& cells) {
    cells.assign(columns_, Cell{});
    for (const FlatObject::Pair& pair : object.pairs()) {
      const auto found = column_.find(pair.key);
      if (found == column_.end()) note_extra(pair.key, line);
      if (found == column_.end() || !table.reads(found->second)) continue;
      Cell& cell = cells[found->second];
      if (cell.line != 0)
        fail_input("the key ", in_quotes(pair.key), " stands twice (", place(path_, line), "); remove one");
      cell = {pair.value, line, 0, pair.is_text, pair.nested};
    }
    for (Cell& cell : cells) cell.line = line;
  }

  // What is to be said of keys that the first line has not; empty where there are none.
  std::string note() const {
    if (extra_.empty()) return "";
    return concat("the keys ", name_list({extra_.begin(), extra_.end()}),
                  " are not in the first line and are not read (first: ", place(path_, first_extra_line_),
                  ")");
  }

 private:
  static constexpr size_t kMostExtra = 100;

  void note_extra(const std::string& key, int64_t line) {
    if (extra_.empty()) first_extra_line_ = line;
    if (extra_.size() < kMostExtra) extra_.insert(key);
  }

  const std::string& path_;
  size_t columns_;
  std::unordered_map<std::string, size_t> column_;
  std::set<std::string> extra_;
  int64_t first_extra_line_ = 0;
};

void parse_line(std::string_view text, const std::string& path, int64_t line, FlatObject& object) {
  if (text.size() > static_cast<size_t>(kMaxFieldBytes)) {
    fail_input("a line longer than 1 MiB (", place(path, line), "); shorten it");
  }
  const bool may_have_constants =
      text.find('N') != std::string_view::npos || text.find('I') != std::string_view::npos;
  const std::string json = may_have_constants ? quote_no_numbers(text) : std::string(text);
  if (nlohmann::json::sax_parse(json, &object)) return;
  if (object.has_too_large()) {
    object = FlatObject();
    if (nlohmann::json::sax_parse(quote_no_numbers(text), &object)) return;
  }
  fail_input(object.problem(), " (", place(path, line), "); write one JSON object per line");
}

// The next line with anything on it, without its line end; false at the end of the text.
bool next_line(std::string_view& text, std::string_view& line, int64_t& number) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) return true;
  }
  return false;
}

}  // namespace

Dataset read_jsonl(const DataSource& source) {
  const std::string text = read_text(source.path);
  std::string_view rest = text, line;
  int64_t number = 0;
  if (!next_line(rest, line, number)) fail_input("the file is empty (", source.path, "); give it rows");
  FlatObject first;
  parse_line(line, source.path, number, first);
  const std::vector<std::string> names = keys_of(first);
  TableBuilder table(source, names, number);
  ColumnOrder order(source.path, names);
  std::vector<Cell> cells;
  order.arrange(first, table, number, cells);
  if (!cells.empty()) table.add(cells);
  while (next_line(rest, line, number)) {
    FlatObject object;
    parse_line(line, source.path, number, object);
    order.arrange(object, table, number, cells);
    table.add(cells);
  }
  if (std::string note = order.note(); !note.empty()) table.note(std::move(note));
  return table.finish();
}

}  // namespace thaw
