#include "finetune/data/table.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "core/error.h"
#include "finetune/data/labels.h"
#include "finetune/data/text.h"

namespace thaw {

std::string place(const std::string& path, int64_t line, int64_t column) {
  return column == 0 ? concat(path, ":", line) : concat(path, ":", line, ":", column);
}

namespace {

bool is_id(const std::string& name) { return name == "id" || name == "ID" || name == "Id"; }

}  // namespace

std::vector<size_t> columns_to_keep(const std::vector<std::string>& patterns,
                                    const std::vector<std::string>& names, const std::string& where) {
  const auto matches = [](const std::string& pattern, const std::string& name) {
    return pattern == "all" || pattern == name || glob_matches(pattern, name);
  };
  std::vector<size_t> kept;
  std::vector<bool> taken(names.size(), false);
  for (const bool leaves_out : {true, false}) {
    for (const std::string& pattern : patterns) {
      if (pattern.starts_with('!') != leaves_out) continue;
      bool found = false;
      for (size_t i = 0; i < names.size(); ++i) {
        if (!matches(leaves_out ? pattern.substr(1) : pattern, names[i])) continue;
        found = true;
        if (!taken[i] && !leaves_out) kept.push_back(i);
        taken[i] = true;
      }
      if (!found)
        fail_input("there is no column ", in_quotes(pattern), " to keep (", where, "); the columns are ",
                   name_list(names));
    }
  }
  return kept;
}

TableBuilder::TableBuilder(const DataSource& source, std::vector<std::string> names, int64_t line)
    : source_(source), names_(std::move(names)), feature_slot_(names_.size(), kSkipped) {
  check_names(line);
  if (source.read_labels) label_column_ = find_column(source.label, "label", line);
  if (!source.group.empty() && source.read_labels) {
    group_column_ = find_column(source.group, "group", line);
  }
  check_apart(label_column_, group_column_, line);
  if (!source.text.empty()) {
    text_column_ = find_column(source.text, "text", line);
    check_apart(label_column_, text_column_, line);
    data_.sample_shape = {0};
    choose_kept(line);
    return;
  }
  if (source.columns.empty()) {
    choose_all_features();
  } else {
    choose_features(line);
  }
  if (data_.columns.empty()) {
    fail_input("the table has no feature column (", place(source.path, line),
               "); add columns beside the label, text and group");
  }
  data_.sample_shape = {static_cast<int64_t>(data_.columns.size())};
  choose_kept(line);
}

void TableBuilder::check_names(int64_t line) const {
  std::unordered_map<std::string_view, size_t> first;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].empty()) {
      fail_input("column ", i + 1, " has no name (", place(source_.path, line),
                 "); name it, or remove it if it only numbers the rows");
    }
    const auto [earlier, is_new] = first.emplace(names_[i], i);
    if (!is_new) {
      fail_input("two columns are named ", in_quotes(names_[i]), " (", place(source_.path, line),
                 ", columns ", earlier->second + 1, " and ", i + 1, "); rename one");
    }
  }
}

void TableBuilder::check_apart(int64_t label, int64_t other, int64_t line) const {
  if (label == kAbsent || label != other) return;
  const char* what = other == group_column_ ? "group" : "text";
  fail_input("the label and the ", what, " are one column, ", in_quotes(source_.label), " (",
             place(source_.path, line), "); set data.", what, " to another column");
}

int64_t TableBuilder::find_column(const std::string& name, const char* option, int64_t line) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    fail_input("there is no ", option, " column ", in_quotes(name), " (", place(source_.path, line), "); ",
               names_.size() == 1 && names_[0].find_first_of(";\t|") != std::string::npos
                   ? "the header is one column: a .csv is separated by commas, a .tsv by tabs"
               : source_.read_labels
                   ? concat("set data.", option, " to one of the columns: ", name_list(names_))
                   : concat("give the column that name",
                            option == std::string_view("text") ? ", or name it by --text" : "",
                            "; there are ", name_list(names_)));
  }
  return found - names_.begin();
}

void TableBuilder::choose_all_features() {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == source_.label || names_[i] == source_.group) continue;
    feature_slot_[i] = static_cast<int64_t>(data_.columns.size());
    data_.columns.push_back(names_[i]);
  }
}

void TableBuilder::choose_features(int64_t line) {
  std::vector<std::string> absent;
  for (const std::string& wanted : source_.columns) {
    const auto found = std::find(names_.begin(), names_.end(), wanted);
    if (found == names_.end()) {
      absent.push_back(wanted);
      continue;
    }
    feature_slot_[found - names_.begin()] = static_cast<int64_t>(data_.columns.size());
    data_.columns.push_back(wanted);
  }
  if (!absent.empty()) {
    fail_input("the model's feature columns ", name_list(absent), " are not in the table (",
               place(source_.path, line), "); give a table with the columns of the training data");
  }
}

void TableBuilder::choose_kept(int64_t line) {
  std::vector<std::string> patterns;
  for (size_t i = 0; source_.keep_id && i < names_.size(); ++i) {
    const bool is_used =
        feature_slot_[i] != kSkipped || static_cast<int64_t>(i) == text_column_ || names_[i] == source_.label;
    if (!is_used && is_id(names_[i])) patterns.push_back(names_[i]);
  }
  patterns.insert(patterns.end(), source_.keep.begin(), source_.keep.end());
  kept_ = columns_to_keep(patterns, names_, place(source_.path, line));
  for (const size_t i : kept_) data_.kept.push_back({names_[i], {}});
}

void TableBuilder::add(const std::vector<Cell>& cells) {
  const size_t start = data_.x.size();
  data_.x.resize(start + data_.columns.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    if (feature_slot_[i] != kSkipped) data_.x[start + feature_slot_[i]] = feature(cells[i], i);
  }
  if (text_column_ != kAbsent) {
    const Cell& text = cells[text_column_];
    if (text.text.empty())
      fail_input("the text is missing (", cell_place(text), "); fill it in, or remove the row");
    data_.text.emplace_back(text.text);
  }
  for (size_t i = 0; i < kept_.size(); ++i)
    data_.kept[i].cells.push_back({std::string(cells[kept_[i]].text), cells[kept_[i]].is_text});
  if (label_column_ != kAbsent) labels_.emplace_back(cells[label_column_].text);
  if (group_column_ != kAbsent) {
    const Cell& group = cells[group_column_];
    if (group.text.empty()) fail_input("the group is missing (", cell_place(group), "); fill it in");
    data_.group.emplace_back(group.text);
  }
  lines_.push_back(cells.front().line);
  data_.id.push_back(data_.size());
}

float TableBuilder::feature(const Cell& cell, size_t column) const {
  const std::optional<double> value = parse_number(cell.text);
  if (value && std::isfinite(static_cast<float>(*value))) return static_cast<float>(*value);
  const char* what = cell.text.empty()                          ? "is missing"
                     : !value                                   ? "is not a number"
                     : std::isnan(*value) || std::isinf(*value) ? "is not finite"
                                                                : "is too large for a 32-bit float";
  fail_input("feature ", in_quotes(names_[column]), " ", what, ": ", in_quotes(cell.text), " (",
             cell_place(cell), "); write a finite number, or remove the row or the column");
}

std::string TableBuilder::cell_place(const Cell& cell) const {
  return concat(place(source_.path, cell.line, cell.column), ", row ", data_.size() + 1);
}

Dataset TableBuilder::finish() {
  if (data_.size() == 0) fail_input("the table has no rows (", source_.path, "); add some below its header");
  if (!source_.read_labels) return std::move(data_);
  const auto row_place = [&](int64_t row) {
    return concat(place(source_.path, lines_[row]), ", row ", row + 1, ", column ", in_quotes(source_.label));
  };
  return with_labels(std::move(data_), labels_, source_, row_place);
}

}  // namespace thaw
