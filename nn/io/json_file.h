// JSON files that may be hostile. For the few sources that use nlohmann/json.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"

namespace thaw {

// The file's JSON. InputError for a file larger than max_bytes, text that is not JSON, a key that occurs
// twice in one object, and nesting deeper than 64.
nlohmann::json read_json(const std::string& path, std::int64_t max_bytes = std::int64_t{16} << 20);

// Whether the value can be converted to a T: converting a number beyond the integers' range is undefined.
template <class T>
bool is_in_range(const nlohmann::json& value) {
  if constexpr (std::is_integral_v<T>)
    return !value.is_number_float() || std::abs(value.get<double>()) < 0x1p62;
  else if constexpr (std::is_same_v<T, std::pair<std::string, std::int64_t>>)
    return !value.is_array() || value.size() != 2 || is_in_range<std::int64_t>(value[1]);
  else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>)
    return std::all_of(value.begin(), value.end(), is_in_range<std::int64_t>);
  else
    return true;
}

// Reads json[key] into `to`. A missing key is an error, and so is a fraction where an integer is expected.
// `place` is for the message: the path and perhaps more.
template <class T>
void read_field(const nlohmann::json& json, const char* key, const std::string& place, T& to) {
  const auto found = json.find(key);
  if (found == json.end()) fail_input("'", key, "' is missing (", place, "); make the folder again");
  try {
    if (is_in_range<T>(*found)) {
      to = found->get<T>();
      if (nlohmann::json(to) == *found) return;
    }
  } catch (const std::exception&) {  // reported below
  }
  fail_input("'", key, "' has a value of the wrong type (", place, "); make the folder again");
}

// The same, but a missing key or null leaves `to` unchanged.
template <class T>
void read_optional_field(const nlohmann::json& json, const char* key, const std::string& place, T& to) {
  const auto found = json.find(key);
  if (found != json.end() && !found->is_null()) read_field(json, key, place, to);
}

// What it says, or `unsaid`.
inline bool read_flag(const nlohmann::json& json, const char* key, const std::string& path, bool unsaid) {
  read_optional_field(json, key, path, unsaid);
  return unsaid;
}

}  // namespace thaw
