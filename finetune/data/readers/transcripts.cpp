#include "finetune/data/readers/transcripts.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "core/error.h"
#include "finetune/common/plain_text.h"
#include "finetune/common/text.h"
#include "finetune/common/utf8.h"

namespace thaw {
namespace {

// The scalar values of a text as texts.
std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  while (!text.empty()) {
    const std::size_t bytes = std::max<std::size_t>(1, utf8_sequence(text));
    characters.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return characters;
}

// A stroke in a text is none of them: it is what the space is called.
std::vector<std::string> classes_of(const Dataset& data) {
  std::set<std::string> found;
  for (const Sample& sample : data.samples)
    for (std::string& character : characters_of(sample.transcript)) found.insert(std::move(character));
  found.erase(" ");
  found.erase(kSpaceClass);
  std::vector<std::string> classes{kBlankClass, kSpaceClass};
  classes.insert(classes.end(), found.begin(), found.end());
  return classes;
}

void check_classes(const std::vector<std::string>& classes, const std::string& path) {
  if (is_alphabet(classes)) return;
  fail_input("the classes ", name_list(classes), " are no alphabet (", path, ", data.classes); name first ",
             in_quotes(kBlankClass), ", the blank, and ", in_quotes(kSpaceClass),
             ", the space, then each character once");
}

bool is_never_written(const std::string& name) {
  return std::find(std::begin(kNeverWritten), std::end(kNeverWritten), name) != std::end(kNeverWritten);
}

// The alphabet that the source knows where it has all characters, else these.
std::vector<std::string> known_or_own(std::vector<std::string> own, const DataSource& source,
                                      std::vector<std::string>& notes) {
  if (source.alphabet.empty()) return own;
  const std::set<std::string> known(source.alphabet.begin(), source.alphabet.end());
  std::vector<std::string> others = own;
  std::erase_if(others, [&](const std::string& character) { return known.contains(character); });
  if (others.empty()) return source.alphabet;
  notes.push_back(concat("the transcripts have characters that are none of the model's, ", name_list(others),
                         ": its alphabet is made anew (it has ",
                         name_list(written_characters(source.alphabet)), ", capitals being others)"));
  return own;
}

// Which of the classes each character is, by its text.
std::map<std::string, std::int64_t> index_of(const std::vector<std::string>& classes) {
  std::map<std::string, std::int64_t> index{{" ", 1}};
  for (std::size_t i = 2; i < classes.size(); ++i) index.emplace(classes[i], static_cast<std::int64_t>(i));
  return index;
}

}  // namespace

void give_transcripts(Dataset& data, const std::vector<std::string>& texts, const DataSource& source) {
  for (std::size_t row = 0; row < texts.size(); ++row)
    data.samples[row].transcript = with_single_spaces(composed(texts[row]));
  if (!source.spell) return;
  if (!source.classes.empty()) check_classes(source.classes, source.path);
  data.classes = source.classes.empty() ? known_or_own(classes_of(data), source, data.notes) : source.classes;
  const std::map<std::string, std::int64_t> index = index_of(data.classes);
  std::set<std::string> unknown;
  std::int64_t samples_with_unknown = 0;
  for (Sample& sample : data.samples) {
    bool has_unknown = false;
    for (const std::string& character : characters_of(sample.transcript)) {
      const auto found = index.find(character);
      if (found != index.end()) sample.characters.push_back(found->second);
      if (found != index.end()) continue;
      unknown.insert(character);
      has_unknown = true;
    }
    samples_with_unknown += has_unknown ? 1 : 0;
  }
  if (!unknown.empty())
    data.notes.push_back(concat("warning: ", samples_with_unknown, " transcripts of ", source.path,
                                " have characters that the model cannot write, ",
                                name_list({unknown.begin(), unknown.end()}), ": they count as errors"));
}

bool is_alphabet(const std::vector<std::string>& classes) {
  if (classes.size() < 3 || classes[0] != kBlankClass || classes[1] != kSpaceClass) return false;
  const auto is_character = [](const std::string& name) {
    const bool is_single =
        name != " " && name != kSpaceClass && !name.empty() && utf8_sequence(name) == name.size();
    return is_single || is_never_written(name);
  };
  return std::all_of(classes.begin() + 2, classes.end(), is_character) &&
         std::set<std::string>(classes.begin(), classes.end()).size() == classes.size();
}

std::vector<std::string> in_alphabet_order(const std::vector<std::string>& names) {
  std::vector<std::string> ordered{kBlankClass, kSpaceClass};
  for (const std::string& name : names)
    if (name != kBlankClass && name != kSpaceClass) ordered.push_back(name);
  return ordered.size() == names.size() && is_alphabet(ordered) ? ordered : std::vector<std::string>{};
}

std::vector<std::string> written_characters(const std::vector<std::string>& alphabet) {
  std::vector<std::string> written(alphabet.begin() + 2, alphabet.end());
  std::erase_if(written, is_never_written);
  return written;
}

std::string text_of_path(const std::vector<std::int64_t>& path, const std::vector<std::string>& classes) {
  std::string text;
  std::int64_t last = -1;
  for (const std::int64_t at : path) {
    const std::string& character = classes[static_cast<std::size_t>(at)];
    if (at != last && character != kBlankClass && !is_never_written(character))
      text += character == kSpaceClass ? " " : character;
    last = at;
  }
  return with_single_spaces(text);
}

}  // namespace thaw
