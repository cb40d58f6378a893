// What is wrong with the cells of a table, told all at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thaw {

class CellProblems {
 public:
  struct Column {
    int64_t index;
    const char* role;  // "feature", "label", "text" or "group"
    const std::string& name;
  };
  static constexpr const char* kNamesNoFile = "names a file that is not there";
  // `what` is wrong with it, such as "is not a number": a literal. `text` is the cell's, empty where there is
  // nothing to show.
  void add(const Column& column, const char* what, std::string_view text, const std::string& place);

  // Of a column that turned out to be as it should.
  void forget(int64_t column, const char* what);

  bool empty() const { return kinds_.empty(); }

  // Of the table.
  struct Table {
    bool may_choose;      // data.ignore and the like can mend it
    bool has_categories;  // data.categories is given
    int64_t rows;
  };
  // InputError with every column, the first place and how many rows.
  [[noreturn]] void refuse(const Table& table) const;

 private:
  struct Kind {
    int64_t column;
    const char* role;
    std::string name;
    const char* what;
    std::string text, place;  // of the first
    int64_t rows;
    bool is_feature() const { return std::string_view(role) == "feature"; }
    std::string describe() const;
  };
  std::string mend(const Table& table) const;
  std::string keys_that_help(const Table& table) const;
  bool has_feature_that(std::string_view end) const;

  std::vector<Kind> kinds_;  // in the order in which they came up
  std::map<std::pair<int64_t, const char*>, std::size_t> place_of_kind_;
};

}  // namespace thaw
