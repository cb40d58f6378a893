// One value of a TOML file into a variable, checked by its rule. Part of config.cpp, the one file that
// uses toml++.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/common/utf8.h"
#include "finetune/config/config_keys.h"
#include "finetune/config/toml.h"

namespace thaw {

// What errors in a `--set` override give as their place, before the override's text.
inline constexpr std::string_view kSetOption = "--set ";

inline std::string place_of(const toml::source_region& source, const std::string& fallback) {
  std::string path = source.path ? *source.path : fallback;
  if (path.starts_with(kSetOption) || source.begin.line == 0) return path;
  return concat(path, ":", source.begin.line, ":", source.begin.column);
}

// The file in which a value stands; `config` for one of the command line.
inline const std::string& file_of(const toml::source_region& source, const std::string& config) {
  return source.path && !source.path->starts_with(kSetOption) ? *source.path : config;
}

// A message "WHAT; HOW" with the place between the two.
inline std::string with_place(const std::string& message, const std::string& place) {
  const std::size_t end = std::min(message.find("; "), message.size());
  return message.substr(0, end) + " (" + place + ")" + message.substr(end);
}

inline std::string value_text(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return in_quotes(*text);
  if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
  if (const auto whole = node.value_exact<std::int64_t>()) return std::to_string(*whole);
  if (const auto number = node.value_exact<double>()) return exact_number(*number);
  return node.is_table() ? "a table" : node.is_array() ? "an array" : "a date or time";
}

inline std::string range_text(const Rule& rule) {
  const std::string least = exact_number(rule.least), most = exact_number(rule.most);
  std::string text;
  if (std::isfinite(rule.least)) text += (rule.least_allowed ? "at least " : "above ") + least;
  if (std::isfinite(rule.most))
    text += (text.empty() ? "" : " and ") + ((rule.most_allowed ? "at most " : "below ") + most);
  return text;
}

// Reads one value as the type of the variable that it goes to.
class ValueReader {
 public:
  ValueReader(const toml::node& node, std::string key, const Rule& rule, const std::string& config_path)
      : node_(node), key_(std::move(key)), rule_(rule), config_path_(config_path) {}

  [[noreturn]] void refuse(const std::string& what, const std::string& mend) const {
    fail_input(key_, " = ", value_text(node_), " ", what, " (", place_of(node_.source(), config_path_), "); ",
               mend);
  }

  // Of a path that is relative to the file in which it stands. Runs write it into JSON and TOML, so it must be UTF-8.
  std::string absolute_path(const std::string& text) const {
    std::string path = (std::filesystem::absolute(file_of(node_.source(), config_path_)).parent_path() / text)
                           .lexically_normal()
                           .string();
    if (!is_utf8(path)) refuse("is in a folder whose path is not UTF-8", "move it to another folder");
    return path;
  }

  void read(bool& to) const { to = exactly<bool>("true or false"); }
  void read(double& to) const {
    const std::optional<double> value =
        node_.is_integer() ? node_.value<double>() : node_.value_exact<double>();
    if (!value) refuse("is not a number", "write a number");
    check_range(*value);
    to = *value;
  }
  void read(std::int64_t& to) const {
    to = exactly<std::int64_t>("a whole number");
    check_range(static_cast<double>(to));
  }
  void read(std::uint64_t& to) const {
    std::int64_t value = 0;
    read(value);
    to = static_cast<std::uint64_t>(value);
  }
  void read(std::string& to) const {
    if (rule_.may_be_integer && node_.is_integer()) {
      to = std::to_string(exactly<std::int64_t>("a whole number"));
      return;
    }
    const std::optional<bool> flag = rule_.may_be_flag ? node_.value_exact<bool>() : std::nullopt;
    std::string text = flag ? (*flag ? "true" : "false") : exactly<std::string>("a text in quotes");
    const auto& choices = rule_.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end())
      refuse_choice(text);
    if (rule_.is_path && text.empty()) refuse("is no path", "name a file, or leave the key out");
    if (rule_.is_path && !text.starts_with("builtin:")) text = absolute_path(text);
    const Problem problem = rule_.check == nullptr ? Problem{} : rule_.check(text);
    if (!problem.what.empty()) refuse(problem.what, problem.mend);
    to = std::move(text);
  }
  void read(Period& to) const {
    const auto interval = parse_period(exactly<std::string>("a text in quotes"));
    if (!interval)
      refuse("is no interval",
             "write \"1 epoch\", a whole number of steps such as \"100 steps\", \"0.1 run\" or \"never\"");
    to = *interval;
  }
  void read(ByteSize& to) const {
    const auto size = parse_bytes(exactly<std::string>("an amount in quotes such as \"2GB\""));
    if (!size) refuse("is no amount of bytes", "write \"2GB\", \"512MB\" or \"0B\"");
    to = *size;
  }
  // The choices of its rule are the names of its values, in order.
  template <class Choice>
  std::enable_if_t<std::is_enum_v<Choice>> read(Choice& to) const {
    std::string text;
    read(text);
    if (text.empty() && !rule_.may_be_empty) refuse_choice(text);
    const auto found = std::find(rule_.choices.begin(), rule_.choices.end(), text);
    to = static_cast<Choice>(found - rule_.choices.begin());
  }
  void read(ClassWeights& to) const {
    to = {};
    if (node_.is_table()) return read(to.of);
    if (!node_.is_string()) refuse("is no weights", "write \"balanced\" or { \"class\" = 2.0, .. }");
    std::string balanced;
    read(balanced);
    to.balanced = true;
  }
  template <class T>
  void read(std::optional<T>& to) const {
    read(to.emplace());
  }
  template <class T>
  void read(std::vector<T>& to) const {
    const toml::array* items = node_.as_array();
    to.clear();
    // One text is a list of one.
    if constexpr (std::is_same_v<T, std::string>)
      if (items == nullptr && node_.is_string()) return read(to.emplace_back());
    if (items == nullptr) refuse("is not an array", "write [ … ]");
    for (const toml::node& item : *items) {
      T value{};
      ValueReader(item, concat(key_, "[", to.size(), "]"), rule_, config_path_).read(value);
      to.push_back(std::move(value));
    }
  }
  template <class T>
  void read(std::map<std::string, T>& to) const {
    const toml::table* table = node_.as_table();
    if (table == nullptr) refuse("is not a table", "write { \"name\" = … }");
    to.clear();
    for (const auto& [name, value] : *table)
      ValueReader(value, concat(key_, ".", in_quotes(name.str())), rule_, config_path_)
          .read(to[std::string(name.str())]);
  }

 private:
  template <class T>
  T exactly(const char* wanted) const {
    const std::optional<T> value = node_.value_exact<T>();
    if (!value) refuse(concat("is not ", wanted), concat("write ", wanted));
    return *value;
  }

  void check_range(double value) const {
    const bool low = rule_.least_allowed ? value >= rule_.least : value > rule_.least;
    const bool high = rule_.most_allowed ? value <= rule_.most : value < rule_.most;
    const std::string range = range_text(rule_);
    if (!std::isfinite(value)) refuse("is not finite", "write a finite number");
    if (!low || !high) refuse("is out of range", concat("write a number ", range));
  }

  [[noreturn]] void refuse_choice(const std::string& text) const {
    std::string known;
    for (const std::string& choice : rule_.choices)
      if (!choice.empty()) known += (known.empty() ? "" : ", ") + in_quotes(choice);
    const std::string nearest = nearest_name(text, rule_.choices);
    refuse("is unknown",
           (nearest.empty() ? "" : "did you mean " + in_quotes(nearest) + "? ") + "write one of " + known);
  }

  const toml::node& node_;
  std::string key_;
  const Rule& rule_;
  const std::string& config_path_;
};

}  // namespace thaw
