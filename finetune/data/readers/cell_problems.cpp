#include "finetune/data/readers/cell_problems.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/common/text.h"

namespace thaw {
namespace {

constexpr size_t kShownKinds = 3;
constexpr size_t kShownColumns = 20;

}  // namespace

void CellProblems::add(const Column& column, const char* what, std::string_view text,
                       const std::string& place) {
  const auto [known, is_new] = place_of_kind_.emplace(std::pair(column.index, what), kinds_.size());
  if (is_new)
    kinds_.push_back(
        {column.index, column.role, column.name, what, text.empty() ? "" : in_quotes(text), place, 1});
  else
    ++kinds_[known->second].rows;
}

void CellProblems::forget(int64_t column, const char* what) {
  place_of_kind_.clear();
  std::erase_if(kinds_, [&](const Kind& kind) {
    return kind.is_feature() && kind.column == column && kind.what == std::string_view(what);
  });
}

std::string CellProblems::Kind::describe() const {
  return concat(is_feature() ? "feature " + in_quotes(name) : concat("the ", role), ' ', what,
                text.empty() ? "" : ": " + text, " (", place,
                rows == 1 ? "" : concat(", and ", rows - 1, rows == 2 ? " more such row" : " more such rows"),
                ")");
}

bool CellProblems::has_feature_that(std::string_view end) const {
  return std::any_of(kinds_.begin(), kinds_.end(), [&](const Kind& kind) {
    return kind.is_feature() && std::string_view(kind.what).ends_with(end);
  });
}

std::string CellProblems::keys_that_help(const Table& table) const {
  std::string text;
  if (has_feature_that("missing")) text += "; data.missing = \"median\" takes missing values";
  if (table.has_categories && has_feature_that("not a number"))
    text += "; where numbers and words of a column are categories alike, name it in data.categories";
  // A word among numbers is a slip.
  const bool has_words = std::any_of(kinds_.begin(), kinds_.end(), [&](const Kind& kind) {
    return kind.is_feature() && std::string_view(kind.what).ends_with("not a number") &&
           2 * kind.rows > table.rows;
  });
  if (!table.has_categories && has_words)
    text += "; data.categories = \"auto\" takes columns of words, and of true and false";
  return text;
}

std::string CellProblems::mend(const Table& table) const {
  const Kind& first = kinds_.front();
  if (kinds_.size() == 1 && std::string_view(first.what) == kNamesNoFile)
    return "paths are relative to the table's folder; mend them, or remove the rows";
  if (kinds_.size() == 1 && !first.is_feature())
    return std::string_view(first.what).find("number") == std::string_view::npos
               ? "fill it in, or remove the row"
               : "mend it, or set data.task = \"classification\"";
  const std::string keys = table.may_choose ? keys_that_help(table) : "";
  if (kinds_.size() == 1 && first.rows == 1)
    return concat(has_feature_that("false")                      ? "write true or false"
                  : first.what == std::string_view("is missing") ? "fill it in"
                                                                 : "write a finite number",
                  ", or remove the row", table.may_choose ? " or the column" : "", keys);
  std::vector<std::string> columns;
  for (const Kind& kind : kinds_)
    if (kind.is_feature() && std::find(columns.begin(), columns.end(), in_quotes(kind.name)) == columns.end())
      columns.push_back(in_quotes(kind.name));
  if (columns.empty() || !table.may_choose) return "mend the cells, or remove the rows";
  const bool all = columns.size() <= kShownColumns;
  if (!all) columns.resize(kShownColumns);
  const bool are_missing = std::all_of(kinds_.begin(), kinds_.end(), [](const Kind& kind) {
    return std::string_view(kind.what) == "is missing";
  });
  return concat(has_feature_that("comma") ? "write decimal points, no thousands separators, and numbers alone"
                : are_missing             ? "fill them in"
                                          : "write numbers",
                ", or leave columns out, under [data] with ignore = [", joined(columns), all ? "]" : ", ..]",
                keys);
}

void CellProblems::refuse(const Table& table) const {
  std::string text = kinds_.size() == 1 ? "" : concat(kinds_.size(), " problems with the cells: ");
  for (size_t i = 0; i < std::min(kinds_.size(), kShownKinds); ++i)
    text += (i > 0 ? ", " : "") + kinds_[i].describe();
  if (kinds_.size() > kShownKinds) text += ", ..";
  fail_input(text, "; ", mend(table));
}

}  // namespace thaw
