#include "tests/support/declarations.h"

#include <cctype>
#include <cstddef>
#include <sstream>

namespace thaw::test {
namespace {

std::string without_comments(const std::string& header) {
  std::istringstream lines(header);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    line = line.substr(0, line.find("//"));
    if (!line.starts_with('#')) text += line + ' ';
  }
  return text;
}

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string trimmed(const std::string& text) {
  std::size_t begin = 0, end = text.size();
  while (begin < end && is_space(text[begin])) ++begin;
  while (end > begin && is_space(text[end - 1])) --end;
  return text.substr(begin, end - begin);
}

// At commas that stand in no brackets.
std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : list) {
    if (c == '(' || c == '{' || c == '<') ++depth;
    if (c == ')' || c == '}' || c == '>') --depth;
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

// "const Tensor& bias = {}" -> "const Tensor&". Every parameter of the header has a name.
std::string type_of(std::string parameter) {
  parameter = trimmed(parameter.substr(0, parameter.find('=')));
  std::size_t name = parameter.size();
  while (name > 0 &&
         (std::isalnum(static_cast<unsigned char>(parameter[name - 1])) || parameter[name - 1] == '_'))
    --name;
  return trimmed(parameter.substr(0, name));
}

// "Tensor pow(const Tensor& x, double exponent)"; nothing for what is no function.
void add_function(const std::string& statement, std::vector<Declaration>& found) {
  const std::size_t open = statement.find('('), close = statement.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return;
  const std::string before = trimmed(statement.substr(0, open));
  const std::size_t name = before.find_last_of(" &*>") + 1;
  Declaration function{before.substr(name), ""};
  if (const std::size_t sign = before.find("operator"); sign != std::string::npos)
    function.name = before.substr(sign);
  for (const std::string& parameter : split(statement.substr(open + 1, close - open - 1)))
    function.types += (function.types.empty() ? "" : ", ") + type_of(parameter);
  found.push_back(function);
}

}  // namespace

std::vector<Declaration> declarations_in(const std::string& header) {
  std::vector<Declaration> found;
  std::string statement;
  int round = 0, body = 0;  // brackets that are open
  for (const char c : without_comments(header)) {
    if (body > 0) {
      body += c == '{' ? 1 : c == '}' ? -1 : 0;
      continue;
    }
    round += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (round > 0 || (c != '{' && c != '}' && c != ';')) {
      statement += c;
      continue;
    }
    add_function(statement, found);
    if (c == '{' && !trimmed(statement).starts_with("namespace")) body = 1;
    statement.clear();
  }
  return found;
}

}  // namespace thaw::test
