#include "finetune/preprocess/class_spelling.h"

#include <map>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/utf8.h"
#include "finetune/preprocess/tokenizer/unicode.h"

namespace thaw {
namespace {

// What stays the same whoever typed it: compatible decomposition, lower case, without white space and signs
// that are not seen.
std::u32string folded(const std::string& text) {
  const CharTable& table = CharTable::get();
  const std::string valid = replace_invalid_utf8(text);
  std::u32string decomposed, out;
  for (const char* at = valid.data(); at != valid.data() + valid.size();)
    table.decompose(next_scalar(at), true, decomposed);
  order_marks(table, decomposed);
  for (const char32_t c : decomposed)
    if ((table.flags(c) & (kSpace | kOther)) == 0) table.lower(c, out);
  return out;
}

// In what they differ, where they are equal when folded.
const char* difference(const std::string& a, const std::string& b) {
  if (lower_ascii(a) == lower_ascii(b)) return "capitals";
  const auto without_spaces = [](std::string text) { return std::erase(text, ' '), text; };
  return without_spaces(a) == without_spaces(b)
             ? "blanks"
             : "capitals, white space, signs that are not seen or the form of Unicode";
}

}  // namespace

std::vector<std::string> notes_of_spellings(const std::vector<std::string>& classes) {
  std::map<std::u32string, std::string> seen;
  std::vector<std::string> notes;
  for (const std::string& name : classes)
    if (const auto [other, is_new] = seen.emplace(folded(name), name); !is_new)
      notes.push_back(concat("warning: the classes ", in_quotes(other->second), " and ", in_quotes(name),
                             " differ in ", difference(other->second, name),
                             " alone; mend the labels, or set data.merge"));
  for (const std::string& name : classes)
    if (may_be_missing(name))
      notes.push_back(concat("warning: the class ", in_quotes(name),
                             " is what stands for a missing label: if it is one, remove its rows"));
  return notes;
}

}  // namespace thaw
