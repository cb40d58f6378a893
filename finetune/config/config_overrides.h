// What --set and the values of a study's axes change in a config's TOML. Part of config.cpp, the one file
// that uses toml++.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/config/config_keys.h"
#include "finetune/config/config_strategy.h"
#include "finetune/config/config_value.h"
#include "finetune/config/toml.h"
#include "nn/io/files.h"

namespace thaw {

inline constexpr std::int64_t kMaxConfigBytes = 1 << 20;

inline toml::table parse_toml(const std::string& text, const std::string& path) {
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    fail_input("no valid TOML: ", error.description(), " (", place_of(error.source(), path),
               "); mend the line");
  }
}

// What a key's alternative was is void when an override gives the key. Returns a note for each that was.
inline std::vector<std::string> drop_alternatives(toml::table& root, const toml::table& given) {
  std::vector<std::string> notes;
  for (const Alternatives& pair : alternatives())
    for (const auto& [key, other] : {std::pair{pair.first, pair.second}, std::pair{pair.second, pair.first}})
      if (const toml::node* old = root[pair.section][other].node(); old && given[pair.section][key]) {
        if (old->value<double>() != 0.0)
          notes.push_back(concat(pair.section, ".", other, " = ", value_text(*old), " gives way to ",
                                 pair.section, ".", key, " = ", value_text(*given[pair.section][key].node()),
                                 " (--set)"));
        root[pair.section].as_table()->erase(other);
      }
  return notes;
}

// Options of another optimizer or architecture are void when an override chooses one by `owner`. Adds a note for each
// that was.
template <class Section>
void drop_options_of_others(toml::table& root, const toml::table& given, const char* section,
                            const char* owner, const std::vector<Key<Section>>& keys,
                            std::vector<std::string>& notes) {
  toml::table* values = root[section].as_table();
  const toml::node* chosen = given[section][owner].node();
  const auto name = chosen == nullptr ? std::nullopt : chosen->value<std::string>();
  if (values == nullptr || !name) return;
  for (const Key<Section>& key : keys) {
    const toml::node* old = values->get(key.name);
    if (old == nullptr || key.rule.is_of(*name)) continue;
    notes.push_back(concat(section, ".", key.name, " = ", value_text(*old), " gives way to ", section, ".",
                           owner, " = ", value_text(*chosen), " (--set)"));
    values->erase(key.name);
  }
}

// Keys of a section go to that section; a table that is the value of a key, { .. }, takes the old one's
// place.
inline void merge(toml::table& into, toml::table&& from, bool is_root = true) {
  for (auto&& [key, node] : from) {
    toml::table* below = into[key.str()].as_table();
    if (below != nullptr && node.is_table() && (is_root || !node.as_table()->is_inline()))
      merge(*below, std::move(*node.as_table()), false);
    else
      std::move(node).visit([&into, &name = key](auto&& value) {
        into.insert_or_assign(name, std::forward<decltype(value)>(value));
      });
  }
}

// KEY=VALUE, where VALUE is TOML or, failing that, a bare word; or @FILE, what a TOML file gives.
inline toml::table parse_override(const std::string& text) {
  if (text == "@") fail_input("'@' names no file (--set); write --set @FILE");
  if (text.starts_with('@')) {
    toml::table table = parse_toml(read_file(text.substr(1), kMaxConfigBytes), text.substr(1));
    if (table.empty())
      fail_input("the file has no keys (--set ", text, "); write some, or leave the option out");
    return table;
  }
  const std::string source = std::string(kSetOption) + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || text.find('\n') != std::string::npos)
    fail_input("'", text,
               "' sets nothing (--set); write --set KEY=VALUE, such as --set train.lr=1e-3, or --set @FILE");
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error&) {
    const std::string value = text.substr(equals + 1);
    if (value.empty() || std::string_view("\"'[{").find(value[0]) != std::string_view::npos)
      fail_input(in_quotes(value), " is no TOML value (", source, "); quote texts, close brackets");
    if (value.find('\'') != std::string::npos)
      fail_input("a bare word with a quote in it (", source, "); quote it");
    return parse_toml(text.substr(0, equals) + "='" + value + "'", source);
  }
}

// Changes win over what stands there.
inline std::vector<std::string> give(toml::table& root, toml::table&& changes) {
  std::vector<std::string> notes = drop_alternatives(root, changes);
  drop_options_of_others(root, changes, "model", "from", model_keys(), notes);
  drop_options_of_others(root, changes, "train", "optimizer", train_keys(), notes);
  merge(root, std::move(changes));
  return notes;
}

// All that --set gives. Of two keys that are alternatives one would quietly drop the other.
inline toml::table parse_overrides(const std::vector<std::string>& overrides) {
  toml::table given;
  for (const std::string& change : overrides) {
    toml::table changes = parse_override(change);
    drop_options_of_another(given, changes);
    merge(given, std::move(changes));
  }
  for (const Alternatives& pair : alternatives())
    if (given[pair.section][pair.first] && given[pair.section][pair.second])
      fail_input(pair.section, '.', pair.first, " and ", pair.section, '.', pair.second,
                 " are both given, and one takes the other's place (--set); leave one out");
  return given;
}

}  // namespace thaw
