#include "finetune/export/script_text.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

#include "finetune/common/text.h"

namespace thaw {
namespace {

// Of the standard library; what else is imported stands below.
constexpr std::string_view kStandard[] = {"argparse", "csv", "dataclasses", "gzip",   "json",
                                          "math",     "os",  "pathlib",     "struct", "sys"};

// The names that are taken from each module; none: the module itself is.
using Imports = std::map<std::string, std::set<std::string>>;

// "import csv" or "from torch import nn".
void add_import(const std::string& line, Imports& imports) {
  std::istringstream words(line);
  std::string word, module, name;
  words >> word >> module;
  std::set<std::string>& names = imports[word + " " + module];
  words >> word;  // import, or as
  while (words >> name) names.insert(name.substr(0, name.find(',')));
}

bool is_import(const std::string& line) { return line.starts_with("import ") || line.starts_with("from "); }

// The piece without the imports that it begins with, which go to `imports`.
std::string without_imports(const std::string& piece, Imports& imports) {
  std::istringstream lines(piece);
  std::string line, rest;
  while (std::getline(lines, line)) {
    if (rest.empty() && is_import(line))
      add_import(line, imports);
    else if (!rest.empty() || !line.empty())
      rest += line + "\n";
  }
  return rest;
}

bool is_standard(const std::string& import) {
  const std::string module = import.substr(import.find(' ') + 1);
  return std::find(std::begin(kStandard), std::end(kStandard), module) != std::end(kStandard);
}

std::string text_of(const Imports& imports, bool standard) {
  std::string modules, names_of_modules;
  for (const auto& [import, names] : imports) {
    if (is_standard(import) != standard) continue;
    // "import torch.nn.functional as F" has one name, behind "as".
    const bool is_alias = import.starts_with("import ");
    std::string line = import;
    if (!names.empty()) line += is_alias ? " as " : " import ";
    line += joined({names.begin(), names.end()}) + "\n";
    (is_alias ? modules : names_of_modules) += line;
  }
  return modules + names_of_modules;
}

// A docstring in which nothing ends it and nothing is an escape.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

std::string script_text(const std::string& about, const std::vector<ScriptSection>& sections) {
  Imports imports;
  std::string body;
  for (const ScriptSection& section : sections) {
    body += "\n\n# ---- " + section.heading + "\n";
    if (!section.constants.empty()) body += "\n" + section.constants;
    for (const char* piece : section.pieces) body += "\n\n" + without_imports(piece, imports);
  }
  return "#!/usr/bin/env python3\n\"\"\"" + escaped(about) + "\"\"\"\n\n" + text_of(imports, true) + "\n" +
         text_of(imports, false) + body;
}

}  // namespace thaw
