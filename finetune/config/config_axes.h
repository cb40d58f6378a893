// The [[axis]] tables of a study. Part of config.cpp.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/config/config.h"
#include "finetune/config/config_value.h"
#include "finetune/config/toml.h"

namespace thaw {

// What a value of an axis changes: always, and together with values of other axes, by their names.
struct AxisValue {
  std::string name;
  toml::table changes;
  toml::table when;
};

[[noreturn]] inline void refuse_axis(const toml::node& node, const std::string& path,
                                     const std::string& what) {
  fail_input(what, " (", place_of(node.source(), path),
             "); write [[axis]] with name = \"shift\" and values = [ { name = \"blur\", data.corrupt = "
             "\"blur\" } ]");
}

inline bool is_plain_word(const std::string& text) {
  constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !text.empty() && text.find_first_not_of(kPlain) == std::string::npos;
}

// Takes what it reads: a copy would not know where in the file it stands.
inline AxisValue read_axis_value(toml::node& node, const std::string& path) {
  toml::table* table = node.as_table();
  if (table == nullptr || !(*table)["name"].is_string())
    refuse_axis(node, path, "a value of an axis is a table with a name");
  AxisValue value{*(*table)["name"].value<std::string>(), {}, {}};
  if (!is_plain_word(value.name))
    refuse_axis(
        node, path,
        concat("the value's name ", in_quotes(value.name), " is no plain word, which names a folder"));
  if (toml::node* when = table->get("when")) {
    if (!when->is_table())
      refuse_axis(*when, path,
                  "`when` is a table of tables: the value of another axis and what changes with it");
    value.when = std::move(*when->as_table());
    for (const auto& [other, changes] : value.when)
      if (!changes.is_table()) refuse_axis(changes, path, concat("`when.", other.str(), "` is no table"));
  }
  table->erase("name");
  table->erase("when");
  value.changes = std::move(*table);
  return value;
}

// An axis without its values, which are returned.
inline std::vector<AxisValue> read_axis(toml::node& node, const std::string& path, StudyAxis& axis) {
  toml::table* table = node.as_table();
  if (table == nullptr) refuse_axis(node, path, "axis is no list of tables");
  for (const auto& [key, value] : *table)
    if (key != "name" && key != "values" && key != "random")
      refuse_axis(value, path, concat("an axis has no key ", in_quotes(key.str())));
  toml::array* values = (*table)["values"].as_array();
  if (!(*table)["name"].is_string() || values == nullptr || values->empty())
    refuse_axis(node, path, "an axis needs a name and values");
  axis.name = *(*table)["name"].value<std::string>();
  if (!is_plain_word(axis.name))
    refuse_axis(node, path,
                concat("the axis's name ", in_quotes(axis.name), " is no plain word, which heads a column"));
  if (const toml::node* random = table->get("random")) {
    if (!random->is_boolean()) refuse_axis(*random, path, "an axis's `random` is true or false");
    axis.random = *random->value<bool>();
  }
  std::vector<AxisValue> read;
  for (toml::node& value : *values) read.push_back(read_axis_value(value, path));
  return read;
}

// What --set gives wins over an axis, whose cells then do not differ in it.
inline std::vector<std::string> notes_of_levelled(const std::vector<StudyAxis>& axes,
                                                  const std::vector<std::vector<AxisValue>>& values,
                                                  const toml::table& given) {
  std::set<std::string> notes;
  for (std::size_t axis = 0; axis < axes.size(); ++axis)
    for (const AxisValue& value : values[axis])
      for (const auto& [section, keys] : value.changes)
        if (keys.is_table())
          for (const auto& [key, node] : *keys.as_table())
            if (given[section.str()][key.str()])
              notes.insert(concat("warning: --set gives ", section.str(), ".", key.str(),
                                  ", and so every value of the axis ", in_quotes(axes[axis].name),
                                  " the same"));
  return {notes.begin(), notes.end()};
}

// Takes the [[axis]] tables out of `root`.
inline std::vector<std::vector<AxisValue>> take_axes(toml::table& root, const std::string& path,
                                                     std::vector<StudyAxis>& axes) {
  std::vector<std::vector<AxisValue>> all;
  toml::node* list = root.get("axis");
  if (list == nullptr) return all;
  if (list->as_array() == nullptr) refuse_axis(*list, path, "axis is no list of tables");
  std::vector<std::string> names;
  for (toml::node& node : *list->as_array()) {
    StudyAxis& axis = axes.emplace_back();
    all.push_back(read_axis(node, path, axis));
    const auto same = [&](const StudyAxis& other) { return other.name == axis.name; };
    if (std::count_if(axes.begin(), axes.end(), same) > 1)
      refuse_axis(node, path, concat("two axes have the name ", in_quotes(axis.name)));
    for (const AxisValue& value : all.back()) {
      if (std::find(names.begin(), names.end(), value.name) != names.end())
        refuse_axis(node, path, concat("two values have the name ", in_quotes(value.name)));
      names.push_back(value.name);
      axis.values.push_back(value.name);
    }
  }
  for (const auto& values : all)
    for (const AxisValue& value : values)
      for (const auto& [other, changes] : value.when)
        if (std::find(names.begin(), names.end(), other.str()) == names.end())
          refuse_axis(changes, path, concat("`when.", other.str(), "` names no value of an axis"));
  root.erase("axis");
  return all;
}

}  // namespace thaw
