// Values as Python writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thaw {

// A string literal. InputError for a text that is not UTF-8.
std::string py_text(std::string_view text);
// Reads back to the same double.
std::string py_number(double value);
inline std::string py_number(std::int64_t value) { return std::to_string(value); }
inline std::string py_bool(bool value) { return value ? "True" : "False"; }

// Of values that are Python already; in several lines where one would be too long. `indent`: of the line that it begins
// in, `before`: what stands in front of it there.
std::string py_list(const std::vector<std::string>& values, std::size_t before = 0, std::size_t indent = 0);
std::string py_texts(const std::vector<std::string>& texts, std::size_t before = 0, std::size_t indent = 0);
std::string py_numbers(const std::vector<double>& numbers, std::size_t before = 0);
// Keys are texts, values are Python already.
std::string py_dict(const std::vector<std::pair<std::string, std::string>>& items, std::size_t before = 0,
                    std::size_t indent = 0);

}  // namespace thaw
