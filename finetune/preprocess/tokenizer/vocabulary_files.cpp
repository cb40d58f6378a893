#include "finetune/preprocess/tokenizer/vocabulary_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/preprocess/tokenizer/bpe.h"
#include "finetune/preprocess/tokenizer/components.h"
#include "finetune/preprocess/tokenizer/word_piece.h"
#include "nn/io/files.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

std::vector<std::string> read_lines(const std::string& path) {
  const std::string text = read_file(path, kMaxTokenizerBytes);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

// A token is written as its text or as an object that has the flags too.
DeclaredToken read_special_token(const nlohmann::json& value, const std::string& place) {
  DeclaredToken declared;
  declared.special = true;
  if (value.is_string()) {
    declared.token.content = value.get<std::string>();
    return declared;
  }
  read_field(value, "content", place, declared.token.content);
  read_optional_field(value, "single_word", place, declared.token.single_word);
  read_optional_field(value, "lstrip", place, declared.token.lstrip);
  read_optional_field(value, "rstrip", place, declared.token.rstrip);
  read_optional_field(value, "normalized", place, declared.normalized);
  return declared;
}

void read_flag(const nlohmann::json& file, const char* key, const std::string& path,
               std::optional<bool>& to) {
  if (file.contains(key) && !file[key].is_null()) read_field(file, key, path, to.emplace());
}

constexpr const char* kRoles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

void read_special_tokens(const nlohmann::json& file, const std::string& path, FolderConfig& config) {
  for (const char* role : kRoles) {
    const auto found = file.find(role);
    if (found != file.end() && !found->is_null())
      config.special_tokens.emplace(role, read_special_token(*found, concat(path, ", ", role)));
  }
}

// The special tokens by role, as the config has them or else as given, that are in the vocabulary.
std::map<std::string, DeclaredToken> special_tokens(const FolderConfig& config, const Vocabulary& vocabulary,
                                                    const std::map<std::string, std::string>& defaults) {
  std::map<std::string, DeclaredToken> tokens = config.special_tokens;
  for (const auto& [role, content] : defaults) {
    DeclaredToken declared;
    declared.special = true;
    declared.token.content = content;
    tokens.emplace(role, declared);
  }
  std::erase_if(tokens, [&](const auto& item) { return !vocabulary.find(item.second.token.content); });
  return tokens;
}

std::vector<DeclaredToken> listed(const std::map<std::string, DeclaredToken>& by_role) {
  std::vector<DeclaredToken> tokens;
  tokens.reserve(by_role.size());
  for (const auto& [role, token] : by_role) tokens.push_back(token);
  return tokens;
}

void read_added_tokens(const nlohmann::json& file, const std::string& path, FolderConfig& config) {
  const auto list = file.find("added_tokens_decoder");
  if (list == file.end() || !list->is_object()) return;
  for (const auto& [key, value] : list->items()) {
    const std::string place = concat(path, ", added_tokens_decoder, ", key);
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc{} || end != key.data() + key.size())
      fail_input("the key '", key, "' is no whole number (", place, "); make the folder again");
    DeclaredToken declared = read_special_token(value, place);
    declared.id = id;
    config.added_tokens.insert_or_assign(id, std::move(declared));
  }
}

// Puts the tokens of added_tokens.json and added_tokens_decoder behind the others, in the order of their ids.
// What only the former has is looked for in the normalised text, unless it is a special token.
void list_added_tokens(const std::string& folder, const FolderConfig& config,
                       std::vector<DeclaredToken>& tokens) {
  std::map<std::int64_t, DeclaredToken> by_id = config.added_tokens;
  const std::string path = folder + "/added_tokens.json";
  const nlohmann::json file =
      std::filesystem::exists(path) ? read_json(path, kMaxTokenizerBytes) : nlohmann::json::object();
  if (!file.is_object()) fail_input("a JSON object is expected (", path, "); make the folder again");
  for (const auto& [content, number] : file.items()) {
    DeclaredToken declared;
    declared.normalized = true;
    for (const auto& [role, special] : config.special_tokens)
      if (special.token.content == content) declared = special;
    declared.token.content = content;
    read_field(file, content.c_str(), path, declared.id.emplace());
    const auto [other, is_new] = by_id.emplace(*declared.id, declared);
    if (!is_new && other->second.token.content != content)
      fail_input("the tokens '", other->second.token.content, "' and '", content, "' have the same id ",
                 *declared.id, " (", path, "); make the folder again");
  }
  for (auto& [id, declared] : by_id) tokens.push_back(std::move(declared));
}

std::int64_t id_of(const std::map<std::string, DeclaredToken>& tokens, const char* role,
                   const Vocabulary& vocabulary) {
  const auto found = tokens.find(role);
  if (found == tokens.end())
    fail_input("the ", role, " is not in the vocabulary (", vocabulary.place(), "); make the folder again");
  return vocabulary.at(found->second.token.content);
}

// Other classes of transformers read the same files in ways of their own.
void check_class(const FolderConfig& config, const std::vector<std::string>& known,
                 const std::string& folder) {
  if (!config.tokenizer_class) return;
  std::string name = *config.tokenizer_class;
  if (name.ends_with("Fast")) name.resize(name.size() - std::string_view("Fast").size());
  if (std::find(known.begin(), known.end(), name) == known.end())
    fail_input("the tokenizer is a ", in_quotes(*config.tokenizer_class), ", not ", name_list(known), " (",
               folder, "/tokenizer_config.json); save it as tokenizer.json");
}

}  // namespace

FolderConfig read_folder_config(const std::string& folder) {
  FolderConfig config;
  if (const std::string path = folder + "/tokenizer_config.json"; std::filesystem::exists(path)) {
    const nlohmann::json file = read_json(path);
    read_special_tokens(file, path, config);
    if (file.contains("tokenizer_class") && file["tokenizer_class"].is_string())
      config.tokenizer_class = file["tokenizer_class"].get<std::string>();
    const auto length = file.find("model_max_length");
    if (length != file.end() && length->is_number_integer() && *length >= 1 && *length <= (1 << 24))
      config.model_max_length = length->get<std::int64_t>();
    std::string side;
    read_optional_field(file, "truncation_side", path, side);
    if (side == "left") config.truncation_side = TruncationSide::left;
    if (side == "right") config.truncation_side = TruncationSide::right;
    read_flag(file, "do_lower_case", path, config.do_lower_case);
    read_flag(file, "tokenize_chinese_chars", path, config.tokenize_chinese_chars);
    read_flag(file, "strip_accents", path, config.strip_accents);
    read_flag(file, "add_prefix_space", path, config.add_prefix_space);
    read_optional_field(file, "add_bos_token", path, config.add_bos_token);
    read_added_tokens(file, path, config);
  }
  if (const std::string path = folder + "/special_tokens_map.json"; std::filesystem::exists(path))
    read_special_tokens(read_json(path), path, config);
  return config;
}

ReadTokenizer read_word_piece_files(const std::string& folder, const FolderConfig& config) {
  check_class(config,
              {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "PreTrainedTokenizer",
               "TokenizersBackend"},
              folder);
  const std::string path = folder + "/vocab.txt";
  ReadTokenizer to(path);
  std::int64_t next = 0;
  for (const std::string& token : read_lines(path)) to.vocabulary.add(token, next++);

  const std::map<std::string, DeclaredToken> tokens = special_tokens(config, to.vocabulary,
                                                                     {{"unk_token", "[UNK]"},
                                                                      {"sep_token", "[SEP]"},
                                                                      {"pad_token", "[PAD]"},
                                                                      {"cls_token", "[CLS]"},
                                                                      {"mask_token", "[MASK]"}});
  id_of(tokens, "unk_token", to.vocabulary);
  WordPiece::Options options;
  options.unk_token = tokens.at("unk_token").token.content;
  to.parts.normalizer = Normalizer({std::make_shared<CharacterNormalizer>(
      bert_normalizer(true, config.tokenize_chinese_chars.value_or(true), config.strip_accents,
                      config.do_lower_case.value_or(true)))});
  to.parts.pre_tokenizer = PreTokenizer({bert_pre_tokenizer()});
  to.parts.model = std::make_unique<WordPiece>(to.vocabulary, options);
  set_bert_templates(id_of(tokens, "cls_token", to.vocabulary), id_of(tokens, "sep_token", to.vocabulary),
                     to.parts);
  std::vector<DeclaredToken> added = listed(tokens);
  list_added_tokens(folder, config, added);
  set_added_tokens(std::move(added), to);
  return to;
}

ReadTokenizer read_bpe_files(const std::string& folder, const FolderConfig& config) {
  check_class(config, {"GPT2Tokenizer", "RobertaTokenizer", "PreTrainedTokenizer", "TokenizersBackend"},
              folder);
  if (config.add_bos_token)
    fail_input("add_bos_token without tokenizer.json is not in this version (", folder,
               "/tokenizer_config.json); save the tokenizer as tokenizer.json");
  const std::string path = folder + "/vocab.json";
  ReadTokenizer to(path);
  const nlohmann::json vocabulary = read_json(path, kMaxTokenizerBytes);
  if (!vocabulary.is_object()) fail_input("a JSON object is expected (", path, "); make the folder again");
  for (const auto& [token, id] : vocabulary.items()) {
    std::int64_t number = 0;
    read_field(vocabulary, token.c_str(), path, number);
    to.vocabulary.add(token, number);
  }

  std::vector<Bpe::Merge> merges;
  for (const std::string& line : read_lines(folder + "/merges.txt")) {
    if (line.empty() || line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos)
      fail_input("'", line, "' is no pair of tokens (", folder, "/merges.txt); make the folder again");
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }

  const bool roberta = config.tokenizer_class ? config.tokenizer_class->starts_with("Roberta")
                                              : to.vocabulary.find("<s>") && to.vocabulary.find("</s>");
  const std::map<std::string, std::string> defaults =
      roberta ? std::map<std::string, std::string>{{"bos_token", "<s>"},    {"eos_token", "</s>"},
                                                   {"sep_token", "</s>"},   {"cls_token", "<s>"},
                                                   {"unk_token", "<unk>"},  {"pad_token", "<pad>"},
                                                   {"mask_token", "<mask>"}}
              : std::map<std::string, std::string>{{"bos_token", "<|endoftext|>"},
                                                   {"eos_token", "<|endoftext|>"},
                                                   {"unk_token", "<|endoftext|>"}};
  const std::map<std::string, DeclaredToken> tokens = special_tokens(config, to.vocabulary, defaults);
  to.parts.pre_tokenizer = PreTokenizer({byte_level_pre_tokenizer(config.add_prefix_space.value_or(false))});
  to.parts.model = std::make_unique<Bpe>(to.vocabulary, merges, Bpe::Options{});
  if (roberta)
    set_roberta_templates(id_of(tokens, "cls_token", to.vocabulary),
                          id_of(tokens, "sep_token", to.vocabulary), to.parts);
  set_added_tokens(listed(tokens), to);
  return to;
}

}  // namespace thaw
