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
  // `what` is wrong with it, such as "is not a number": a literal. `text` is the cell's, empty where there is
  // nothing to show.
  void add(const Column& column, const char* what, std::string_view text, const std::string& place);

  bool empty() const { return kinds_.empty(); }

  // InputError with every column, the first place and how many rows; `may_ignore`: whether data.ignore can
  // leave columns out.
  [[noreturn]] void refuse(bool may_ignore) const;

 private:
  struct Kind {
    const char* role;
    std::string name;
    const char* what;
    std::string text, place;  // of the first
    int64_t rows;
    bool is_feature() const { return std::string_view(role) == "feature"; }
    std::string describe() const;
  };
  std::string mend(bool may_ignore) const;

  std::vector<Kind> kinds_;  // in the order in which they came up
  std::map<std::pair<int64_t, const char*>, std::size_t> place_of_kind_;
};

}  // namespace thaw
