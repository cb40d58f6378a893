// JSONL: one flat JSON object per line, every one with the keys of the first, in any order. A value is a
// number, a string, true or false; null is a missing value. The only file here that sees nlohmann/json.

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "finetune/data/formats.h"
#include "finetune/data/input_file.h"
#include "finetune/data/table.h"
#include "finetune/data/text.h"

namespace thaw {
namespace {

// Takes the parser's events for one line: a flat object's keys with their values as text. Whatever is nested
// is refused at its opening bracket, so depth is never more than 1.
class FlatObject : public nlohmann::json_sax<nlohmann::json> {
 public:
  struct Pair {
    std::string name, value;
    bool is_text = true;
  };

  const std::vector<Pair>& pairs() const { return pairs_; }
  const std::string& problem() const { return problem_; }

  bool null() override { return value("", false); }
  bool boolean(bool v) override { return value(v ? "true" : "false", false); }
  bool number_integer(number_integer_t v) override { return value(integer_text(v), false); }
  bool number_unsigned(number_unsigned_t v) override { return value(integer_text(v), false); }
  bool number_float(number_float_t, const string_t& text) override { return value(text, false); }
  bool string(string_t& v) override { return value(v, true); }
  bool binary(binary_t&) override { return stop("binary data"); }
  bool key(string_t& name) override {
    pairs_.push_back({name, ""});
    return true;
  }
  bool start_object(size_t) override {
    if (open_) return stop(concat("a nested object as the value of ", in_quotes(pairs_.back().name)));
    open_ = true;
    return true;
  }
  bool end_object() override { return true; }
  bool start_array(size_t) override {
    return stop(open_ ? concat("a list as the value of ", in_quotes(pairs_.back().name))
                      : "a line that is a list");
  }
  bool end_array() override { return true; }
  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception& error) override {
    return stop(error.id == kOutOfRange ? concat("a number that is too large, before byte ", at)
                                        : concat("a line that is not JSON from byte ", at, " on"));
  }

 private:
  static constexpr int kOutOfRange = 406;  // nlohmann/json's code

  template <class Integer>
  static std::string integer_text(Integer v) {
    std::array<char, 24> digits;
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), v).ptr};
  }

  bool value(std::string text, bool is_text) {
    if (!open_) return stop("a line that is a bare value");
    pairs_.back().value = std::move(text);
    pairs_.back().is_text = is_text;
    return true;
  }

  bool stop(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool open_ = false;
  std::vector<Pair> pairs_;
  std::string problem_;
};

// Puts the values of one line's object in the order of the table's columns.
class ColumnOrder {
 public:
  ColumnOrder(const std::string& path, const std::vector<FlatObject::Pair>& first) : path_(path) {
    for (const auto& [name, value, is_text] : first) {
      column_.emplace(name, names_.size());
      names_.push_back(name);
    }
  }

  const std::vector<std::string>& names() const { return names_; }

  void arrange(const std::vector<FlatObject::Pair>& pairs, int64_t line, std::vector<Cell>& cells) const {
    cells.assign(names_.size(), Cell{});
    for (const auto& [name, value, is_text] : pairs) {
      const auto found = column_.find(name);
      if (found == column_.end()) {
        fail_input("the key ", in_quotes(name), " is not in the first line (", place(path_, line),
                   "); give every line the same keys");
      }
      Cell& cell = cells[found->second];
      if (cell.line != 0) {
        fail_input("the key ", in_quotes(name), " stands twice (", place(path_, line), "); remove one");
      }
      cell.text = value;
      cell.line = line;
      cell.is_text = is_text;
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].line == 0) {
        fail_input("the key ", in_quotes(names_[i]), " is missing (", place(path_, line),
                   "); give every line the same keys");
      }
    }
  }

 private:
  const std::string& path_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, size_t> column_;
};

void parse_line(std::string_view text, const std::string& path, int64_t line, FlatObject& object) {
  if (text.size() > static_cast<size_t>(kMaxFieldBytes)) {
    fail_input("a line longer than 1 MiB (", place(path, line), "); shorten it");
  }
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &object)) {
    fail_input(object.problem(), " (", place(path, line), "); write one flat JSON object per line");
  }
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
  const ColumnOrder order(source.path, first.pairs());
  std::vector<Cell> cells;
  order.arrange(first.pairs(), number, cells);

  TableBuilder table(source, order.names(), number);
  table.add(cells);
  while (next_line(rest, line, number)) {
    FlatObject object;
    parse_line(line, source.path, number, object);
    order.arrange(object.pairs(), number, cells);
    table.add(cells);
  }
  return table.finish();
}

}  // namespace thaw
