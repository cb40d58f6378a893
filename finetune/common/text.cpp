#include "finetune/common/text.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/error.h"

namespace thaw {
namespace {

constexpr size_t kShownBytes = 60;
constexpr size_t kShownNames = 8;  // of more the first and the last

// White_Space of Unicode 15, and U+FEFF, which files that were put together have inside. No one's bytes are
// the end of another character.
constexpr std::array<std::string_view, 26> kSpaces = {
    " ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085", "\u00A0", "\u1680",
    "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
    "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000", "\uFEFF"};

bool is_utf8_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string_view trim(std::string_view text) {
  const auto starts = [&](std::string_view space) { return text.starts_with(space); };
  const auto ends = [&](std::string_view space) { return text.ends_with(space); };
  for (auto space = kSpaces.end();
       (space = std::find_if(kSpaces.begin(), kSpaces.end(), starts)) != kSpaces.end();)
    text.remove_prefix(space->size());
  for (auto space = kSpaces.end();
       (space = std::find_if(kSpaces.begin(), kSpaces.end(), ends)) != kSpaces.end();)
    text.remove_suffix(space->size());
  return text;
}

std::string exact_number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

std::string lower_ascii(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::optional<double> parse_number(std::string_view text) {
  text = trim(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_beyond_range(std::string_view text) {
  const std::string number(trim(text));
  if (number.find_first_not_of("0123456789+-.eE") != std::string::npos) return false;  // "inf"
  char* end = nullptr;
  return std::isinf(std::strtod(number.c_str(), &end)) && *end == '\0';
}

bool may_be_missing(std::string_view text) {
  const std::string word = lower_ascii(std::string(trim(text)));
  for (const char* missing : {"na", "n/a", "<na>", "nan", "nat", "null", "none"})
    if (word == missing) return true;
  return false;
}

std::string in_quotes(std::string_view text) {
  size_t shown = std::min(text.size(), kShownBytes);
  while (shown > 0 && shown < text.size() && is_utf8_continuation(text[shown])) --shown;
  std::string out = "\"";
  for (char c : text.substr(0, shown)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += '?';
    } else {
      out += c;
    }
  }
  out += shown < text.size() ? "...\"" : "\"";
  return out;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

bool glob_matches(const std::string& glob, const std::string& name) {
  return fnmatch(glob.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string name_list(const std::vector<std::string>& names) {
  constexpr size_t kFirst = 3;
  std::string out;
  for (size_t i = 0; i < (names.size() > kShownNames ? kFirst : names.size()); ++i)
    out += (i ? ", " : "") + in_quotes(names[i]);
  if (names.size() > kShownNames)
    out += concat(", ..., ", in_quotes(names.back()), " (", names.size(), " in all)");
  return out;
}

}  // namespace thaw
