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
    kinds_.push_back({column.role, column.name, what, text.empty() ? "" : in_quotes(text), place, 1});
  else
    ++kinds_[known->second].rows;
}

std::string CellProblems::Kind::describe() const {
  return concat(is_feature() ? "feature " + in_quotes(name) : concat("the ", role), ' ', what,
                text.empty() ? "" : ": " + text, " (", place,
                rows == 1 ? "" : concat(", and ", rows - 1, rows == 2 ? " more such row" : " more such rows"),
                ")");
}

std::string CellProblems::mend(bool may_ignore) const {
  const Kind& first = kinds_.front();
  if (kinds_.size() == 1 && !first.is_feature())
    return std::string_view(first.what).find("number") == std::string_view::npos
               ? "fill it in, or remove the row"
               : "mend it, or set data.task = \"classification\"";
  if (kinds_.size() == 1 && first.rows == 1) return "write a finite number, or remove the row or the column";
  std::vector<std::string> columns;
  for (const Kind& kind : kinds_)
    if (kind.is_feature() && std::find(columns.begin(), columns.end(), in_quotes(kind.name)) == columns.end())
      columns.push_back(in_quotes(kind.name));
  if (columns.empty() || !may_ignore) return "mend the cells, or remove the rows";
  const bool all = columns.size() <= kShownColumns;
  if (!all) columns.resize(kShownColumns);
  const bool has_commas = std::any_of(kinds_.begin(), kinds_.end(), [](const Kind& kind) {
    return std::string_view(kind.what).find("comma") != std::string_view::npos;
  });
  return concat(
      has_commas ? "write decimal points, no thousands separators, and numbers alone" : "write numbers",
      ", or leave columns out, under [data] with ignore = [", joined(columns), all ? "]" : ", ..]",
      "; categories, missing values and booleans are not in this version");
}

void CellProblems::refuse(bool may_ignore) const {
  std::string text = kinds_.size() == 1 ? "" : concat(kinds_.size(), " problems with the cells: ");
  for (size_t i = 0; i < std::min(kinds_.size(), kShownKinds); ++i)
    text += (i > 0 ? ", " : "") + kinds_[i].describe();
  if (kinds_.size() > kShownKinds) text += ", ..";
  fail_input(text, "; ", mend(may_ignore));
}

}  // namespace thaw
