#include "finetune/export/python.h"

#include <cmath>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/utf8.h"

namespace thaw {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kStep = 4;

// "[1, 2]": all in one line, or as many to a line as fit, indented.
std::string enclosed(char open, const std::vector<std::string>& values, char close, std::size_t before,
                     std::size_t indent) {
  std::string whole = open + joined(values) + close;
  if (before + whole.size() <= kWidth) return whole;
  const std::string inner(indent + kStep, ' ');
  std::string text(1, open), line = inner;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string part = values[i] + ",";
    if (line != inner && line.size() + 1 + part.size() > kWidth) {
      text += "\n" + line;
      line = inner;
    }
    line += (line == inner ? "" : " ") + part;
  }
  return text + "\n" + line + "\n" + std::string(indent, ' ') + close;
}

}  // namespace

std::string py_text(std::string_view text) {
  if (!is_utf8(text)) fail_input("a name is not UTF-8 (", in_quotes(text), "); rename it to export a script");
  return Json(std::string(text)).dump();  // what JSON escapes, Python reads the same way
}

std::string py_number(double value) {
  if (std::isinf(value)) return value > 0 ? "math.inf" : "-math.inf";
  const std::string number = exact_number(value);
  return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
}

std::string py_list(const std::vector<std::string>& values, std::size_t before, std::size_t indent) {
  return enclosed('[', values, ']', before, indent);
}

std::string py_texts(const std::vector<std::string>& texts, std::size_t before, std::size_t indent) {
  std::vector<std::string> values;
  values.reserve(texts.size());
  for (const std::string& text : texts) values.push_back(py_text(text));
  return py_list(values, before, indent);
}

std::string py_numbers(const std::vector<double>& numbers, std::size_t before) {
  std::vector<std::string> values;
  values.reserve(numbers.size());
  for (const double number : numbers) values.push_back(py_number(number));
  return py_list(values, before, 0);
}

std::string py_dict(const std::vector<std::pair<std::string, std::string>>& items, std::size_t before,
                    std::size_t indent) {
  std::vector<std::string> values;
  values.reserve(items.size());
  for (const auto& [key, value] : items) values.push_back(py_text(key) + ": " + value);
  return enclosed('{', values, '}', before, indent);
}

}  // namespace thaw
