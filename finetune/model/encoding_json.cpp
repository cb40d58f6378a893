#include "finetune/model/encoding_json.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/labels.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

constexpr const char* kMedian = "median";

ColumnEncoding read_column(const nlohmann::json& json, const std::string& path) {
  ColumnEncoding column;
  std::string kind;
  read_field(json, "column", path, column.column);
  read_field(json, "kind", path, kind);
  const std::vector<std::string>& kinds = names_of(ColumnKind{});
  const auto found = std::find(kinds.begin(), kinds.end(), kind);
  if (found == kinds.end())
    fail_input("'kind' of the column ", in_quotes(column.column), " is ", in_quotes(kind), ", none of ",
               joined(kinds), " (", path, "); make the folder again");
  column.kind = static_cast<ColumnKind>(found - kinds.begin());
  read_optional_field(json, "categories", path, column.categories);
  read_optional_field(json, kMedian, path, column.median);
  read_optional_field(json, "marks_missing", path, column.marks_missing);
  if (!std::isfinite(static_cast<float>(column.median)))
    fail_input("the median of the column ", in_quotes(column.column), " is no 32-bit float (", path,
               "); make the folder again");
  if (const auto same = find_same_labels(column.categories))
    fail_input("the column ", in_quotes(column.column), " has the category ", in_quotes(same->first),
               " twice (", path, "); make the folder again");
  return column;
}

}  // namespace

Json encoding_json(const TableEncoding& encoding) {
  Json columns = Json::array();
  for (const ColumnEncoding& column : encoding.columns) {
    Json json{{"column", column.column},
              {"kind", names_of(column.kind)[static_cast<std::size_t>(column.kind)]}};
    if (column.kind == ColumnKind::category)
      json["categories"] = column.categories;
    else if (encoding.takes_missing)
      json[kMedian] = column.median;
    json["marks_missing"] = column.marks_missing;
    columns.push_back(std::move(json));
  }
  return {{"missing", encoding.takes_missing ? kMedian : "error"}, {"columns", std::move(columns)}};
}

TableEncoding read_encoding(const nlohmann::json& json, const std::vector<std::string>& columns,
                            const std::string& path) {
  TableEncoding encoding;
  std::string missing;
  read_field(json, "missing", path, missing);
  encoding.takes_missing = missing == kMedian;
  const auto items = json.find("columns");
  if (items == json.end() || !items->is_array())
    fail_input("'columns' of 'encoding' is no list (", path, "); make the folder again");
  std::vector<std::string> names;
  for (const nlohmann::json& item : *items) {
    encoding.columns.push_back(read_column(item, path));
    names.push_back(encoding.columns.back().column);
  }
  if (names != columns)
    fail_input("'encoding' is not of the columns ", name_list(columns), " (", path,
               "); make the folder again");
  return encoding;
}

}  // namespace thaw
