#include "finetune/preprocess/character_vocabulary.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/utf8.h"
#include "finetune/data/readers/transcripts.h"
#include "finetune/preprocess/tokenizer/unicode.h"
#include "finetune/preprocess/tokenizer/vocabulary_files.h"
#include "nn/io/files.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

constexpr const char* kTokenizerConfig = "/tokenizer_config.json";
constexpr const char* kDelimiter = "word_delimiter_token";

// Of each role: its token where no file names another, and what its row is called here. Those that the vocabulary lacks stand
// behind its tokens, in this order.
struct SpecialRole {
  const char* role;
  const char* usual;
  const char* name;
};
constexpr SpecialRole kSpecialRoles[] = {{"bos_token", "<s>", "<s>"},
                                         {"eos_token", "</s>", "</s>"},
                                         {"unk_token", "<unk>", "<unk>"},
                                         {"pad_token", "<pad>", kBlankClass}};

// The token of each row, where one is known.
class RowTokens {
 public:
  RowTokens(std::string path, std::int64_t rows)
      : path_(std::move(path)), tokens_(static_cast<std::size_t>(rows)) {}

  void read_vocabulary() {
    const nlohmann::json json = read_json(path_);
    if (!json.is_object())
      fail_input("no table of tokens and their ids (", path_, "); use the file that belongs to the model");
    for (const auto& [token, id] : json.items()) {
      if (!id.is_number_integer())
        fail_input("the token ", in_quotes(token), " has no whole number for its id (", path_,
                   "); use the file that belongs to the model");
      if (id < 0 || id >= tokens_.size())
        fail_input("the token ", in_quotes(token), " has the id ", id.dump(), " (", path_,
                   "), and the model ", tokens_.size(), " outputs; use the file that belongs to it");
      std::optional<std::string>& row = tokens_[id.get<std::size_t>()];
      if (row)
        fail_input("the tokens ", in_quotes(*row), " and ", in_quotes(token), " have the same id ", id.dump(),
                   " (", path_, "); use the file that belongs to the model");
      row = token;
      known_.insert(token);
    }
    next_ = json.size();
  }

  // A token that stands in another file: where its row has one already, or there is no such row, it is never met.
  void add(const std::string& token, std::size_t id) {
    known_.insert(token);
    if (id < tokens_.size() && !tokens_[id]) tokens_[id] = token;
    next_ = std::max(next_, id + 1);
  }
  void add_if_new(const std::string& token) {
    if (!known_.contains(token)) add(token, next_);
  }

  bool has(const std::string& token) const { return known_.contains(token); }

  std::vector<std::string> all() const {
    std::vector<std::string> tokens;
    for (const std::optional<std::string>& token : tokens_) {
      if (!token)
        fail_input("no token has the id ", tokens.size(), " (", path_, "), and the model has ",
                   tokens_.size(), " outputs; use the file that belongs to it");
      tokens.push_back(*token);
    }
    return tokens;
  }

 private:
  std::string path_;
  std::vector<std::optional<std::string>> tokens_;
  std::set<std::string> known_;
  std::size_t next_ = 0;
};

void read_added_file(const std::string& path, RowTokens& rows) {
  if (!std::filesystem::exists(path)) return;
  const nlohmann::json json = read_json(path);
  if (!json.is_object()) fail_input("a JSON object is expected (", path, "); make the folder again");
  for (const auto& [token, id] : json.items())
    if (id.is_number_unsigned()) rows.add(token, id.get<std::size_t>());
}

std::string delimiter_in(const std::string& path) {
  std::string delimiter = kSpaceClass;
  if (!std::filesystem::exists(path)) return delimiter;
  const nlohmann::json json = read_json(path);
  const auto found = json.find(kDelimiter);
  if (found != json.end() && found->is_object())
    read_field(*found, "content", concat(path, ", ", kDelimiter), delimiter);
  else
    read_optional_field(json, kDelimiter, path, delimiter);
  return delimiter;
}

std::string in_lower_case(const std::string& token) {
  if (!is_utf8(token)) return token;
  std::u32string lower;
  for (const char* at = token.data(); at != token.data() + token.size();)
    CharTable::get().lower(next_scalar(at), lower);
  std::string text;
  for (const char32_t scalar : lower) append_scalar(scalar, text);
  return text;
}

}  // namespace

std::vector<std::string> read_character_vocabulary(const std::string& folder, std::int64_t rows) {
  const std::string path = concat(folder, '/', kVocabularyName);
  RowTokens tokens(path, rows);
  tokens.read_vocabulary();
  const FolderConfig config = read_folder_config(folder);
  for (const auto& [id, token] : config.added_tokens)
    if (id >= 0) tokens.add(token.token.content, static_cast<std::size_t>(id));
  read_added_file(folder + "/added_tokens.json", tokens);
  std::map<std::string, std::string> names;  // by token
  for (const SpecialRole& role : kSpecialRoles) {
    const auto said = config.special_tokens.find(role.role);
    const std::string& token = said != config.special_tokens.end() ? said->second.token.content : role.usual;
    tokens.add_if_new(token);
    names[token] = role.name;
  }
  const std::string delimiter = delimiter_in(folder + kTokenizerConfig);
  names[tokens.has(delimiter) ? delimiter : " "] = kSpaceClass;
  std::vector<std::string> all = tokens.all();
  std::set<std::string> seen;
  for (std::string& token : all) {
    if (const auto name = names.find(token); name != names.end())
      token = name->second;
    else if (config.do_lower_case.value_or(false))
      token = in_lower_case(token);
    if (!seen.insert(token).second)
      fail_input("two tokens are read as ", in_quotes(token), " (", path,
                 "); use the file that belongs to the model");
  }
  return all;
}

void write_character_vocabulary(const std::string& folder, const std::vector<std::string>& names) {
  Json vocabulary = Json::object(),
       config{
           {"tokenizer_class", "Wav2Vec2CTCTokenizer"}, {"do_lower_case", false}, {kDelimiter, kSpaceClass}};
  for (std::size_t row = 0; row < names.size(); ++row) vocabulary[names[row]] = row;
  for (const SpecialRole& role : kSpecialRoles) config[role.role] = role.name;
  atomic_write(concat(folder, '/', kVocabularyName), json_document(vocabulary));
  atomic_write(folder + kTokenizerConfig, json_document(config));
}

}  // namespace thaw
