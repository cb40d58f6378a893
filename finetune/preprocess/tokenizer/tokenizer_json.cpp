#include "finetune/preprocess/tokenizer/tokenizer_json.h"

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "finetune/preprocess/tokenizer/bpe.h"
#include "finetune/preprocess/tokenizer/components.h"
#include "finetune/preprocess/tokenizer/unigram.h"
#include "finetune/preprocess/tokenizer/word_piece.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

// json[key], or null. Not copied, for a vocabulary is large.
const nlohmann::json& part_of(const nlohmann::json& object, const char* key) {
  static const nlohmann::json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

void read_vocabulary(const nlohmann::json& model, Vocabulary& to) {
  const nlohmann::json& tokens = part_of(model, "vocab");
  if (!tokens.is_object()) fail_input("'vocab' is no JSON object (", to.place(), "); make the folder again");
  for (const auto& [token, id] : tokens.items()) {
    if (!id.is_number_integer())
      fail_input("the token '", token, "' has no whole number as its id (", to.place(),
                 "); make the folder again");
    to.add(token, id.get<std::int64_t>());
  }
}

Bpe::Merge read_merge(const nlohmann::json& merge, const std::string& place) {
  try {
    if (merge.is_array() && merge.size() == 2) return merge.get<Bpe::Merge>();
    const std::string text = merge.get<std::string>();
    const std::size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos)
      return {text.substr(0, space), text.substr(space + 1)};
  } catch (const nlohmann::json::exception&) {  // said below
  }
  fail_input("a merge is no pair of tokens: ", merge.dump(), " (", place, "); make the folder again");
}

// A score as serde_json reads it, which `tokenizers` uses: its digits as a whole number, rounded, and then
// scaled, rounded again. The last bit decides between segmentations of equal scores.
double twice_rounded(double score) {
  char text[32];
  const auto written =
      std::to_chars(text, text + sizeof text, std::abs(score), std::chars_format::scientific);
  std::uint64_t digits = 0;
  int exponent = 0, behind_point = 0;
  bool point = false;
  const char* at = text;
  for (; at != written.ptr && *at != 'e'; ++at) {
    if (*at == '.') {
      point = true;
      continue;
    }
    digits = 10 * digits + static_cast<std::uint64_t>(*at - '0');
    behind_point += point ? 1 : 0;
  }
  if (at != written.ptr) std::from_chars(at + (at[1] == '+' ? 2 : 1), written.ptr, exponent);
  exponent -= behind_point;
  double value = static_cast<double>(digits);
  if (exponent < -300 || exponent > 300) return score;
  value = exponent < 0 ? value / std::pow(10.0, -exponent) : value * std::pow(10.0, exponent);
  return std::copysign(value, score);
}

// [token, score] each; the place in the array is the id.
std::vector<double> read_scored_vocabulary(const nlohmann::json& model, Vocabulary& to) {
  const nlohmann::json& tokens = part_of(model, "vocab");
  if (!tokens.is_array()) fail_input("'vocab' is no JSON array (", to.place(), "); make the folder again");
  std::vector<double> scores;
  for (const nlohmann::json& row : tokens) {
    if (!row.is_array() || row.size() != 2 || !row[0].is_string() || !row[1].is_number())
      fail_input("the token ", scores.size(), " is no pair of a text and a score (", to.place(),
                 "); make the folder again");
    const std::string token = row[0].get<std::string>();
    if (to.find(token))
      fail_input("the token '", token, "' stands twice (", to.place(), "); make the folder again");
    to.add(token, static_cast<std::int64_t>(scores.size()));
    scores.push_back(twice_rounded(row[1].get<double>()));
  }
  return scores;
}

std::unique_ptr<const TokenModel> read_unigram(const nlohmann::json& model, Vocabulary& vocabulary) {
  const std::string& place = vocabulary.place();
  std::vector<double> scores = read_scored_vocabulary(model, vocabulary);
  Unigram::Options options;
  if (part_of(model, "unk_id").is_null())
    fail_input("the model Unigram without 'unk_id' is not in this version (", place,
               "); name its unknown token");
  read_field(model, "unk_id", place, options.unk_id);
  read_optional_field(model, "byte_fallback", place, options.byte_fallback);
  return std::make_unique<Unigram>(vocabulary, std::move(scores), options);
}

std::unique_ptr<const TokenModel> read_word_piece(const nlohmann::json& model, Vocabulary& vocabulary) {
  const std::string& place = vocabulary.place();
  read_vocabulary(model, vocabulary);
  WordPiece::Options options;
  read_field(model, "unk_token", place, options.unk_token);
  read_field(model, "continuing_subword_prefix", place, options.continuing_subword_prefix);
  read_field(model, "max_input_chars_per_word", place, options.max_input_chars_per_word);
  if (options.max_input_chars_per_word < 0)
    fail_input("'max_input_chars_per_word' is ", options.max_input_chars_per_word, " (", place,
               "); make the folder again");
  return std::make_unique<WordPiece>(vocabulary, options);
}

// Whether the model is asked for something that Bpe does not do.
void refuse_bpe_options(const nlohmann::json& model, const std::string& place) {
  double dropout = 0.0;
  std::string prefix, suffix;
  if (model.contains("dropout") && model["dropout"].is_number()) dropout = model["dropout"].get<double>();
  read_optional_field(model, "continuing_subword_prefix", place, prefix);
  read_optional_field(model, "end_of_word_suffix", place, suffix);
  const char* option = dropout != 0.0    ? "dropout"
                       : !prefix.empty() ? "continuing_subword_prefix"
                       : !suffix.empty() ? "end_of_word_suffix"
                                         : nullptr;
  if (option != nullptr)
    fail_input("BPE with '", option, "' is not in this version (", place, "); make the tokenizer without it");
}

std::unique_ptr<const TokenModel> read_bpe(const nlohmann::json& model, bool byte_level,
                                           Vocabulary& vocabulary) {
  const std::string& place = vocabulary.place();
  read_vocabulary(model, vocabulary);
  refuse_bpe_options(model, place);
  Bpe::Options options;
  options.byte_level = byte_level;
  read_optional_field(model, "ignore_merges", place, options.ignore_merges);
  read_optional_field(model, "fuse_unk", place, options.fuse_unk);
  read_optional_field(model, "byte_fallback", place, options.byte_fallback);
  if (model.contains("unk_token") && !model["unk_token"].is_null())
    read_field(model, "unk_token", place, options.unk_token.emplace());
  const nlohmann::json& list = part_of(model, "merges");
  if (!list.is_array()) fail_input("'merges' is no JSON array (", place, "); make the folder again");
  std::vector<Bpe::Merge> merges;
  for (const nlohmann::json& merge : list) merges.push_back(read_merge(merge, place));
  return std::make_unique<Bpe>(vocabulary, merges, options);
}

std::unique_ptr<const TokenModel> read_model(const nlohmann::json& model, bool byte_level,
                                             Vocabulary& vocabulary) {
  const std::string& place = vocabulary.place();
  // Old files leave the type out.
  const bool untyped = model.is_object() && !model.contains("type");
  const std::string type =
      untyped ? (model.contains("merges") ? "BPE" : "WordPiece") : component_type(model, place);
  if (type == "BPE") return read_bpe(model, byte_level, vocabulary);
  if (type != "WordPiece" && type != "Unigram") refuse_component(type, "BPE, Unigram and WordPiece", place);
  if (byte_level)
    fail_input("the pre-tokenizer ByteLevel with a ", type, " model is not in this version (", place,
               "); it goes with BPE");
  return type == "Unigram" ? read_unigram(model, vocabulary) : read_word_piece(model, vocabulary);
}

// What stands at the front of the text is asked of the text as it was before it was normalised.
void check_front(const TokenizerParts& parts, const std::string& path) {
  const PreTokenizer::Parts& pre_tokenizers = parts.pre_tokenizer.parts();
  if (!pre_tokenizers.empty() && pre_tokenizers.front()->needs_front() && !parts.normalizer.keeps_front())
    fail_input(
        "the prepend_scheme 'first' behind a normalizer that may drop the front of a text is not in this "
        "version (",
        path, ", pre_tokenizer); use 'always' or 'never'");
}

std::vector<DeclaredToken> read_added_tokens(const nlohmann::json& root, const std::string& path) {
  std::vector<nlohmann::json> list;
  read_optional_field(root, "added_tokens", path, list);
  std::vector<DeclaredToken> tokens;
  for (const nlohmann::json& item : list) {
    const std::string place = concat(path, ", added_tokens[", tokens.size(), "]");
    DeclaredToken& declared = tokens.emplace_back();
    read_field(item, "id", place, declared.id.emplace());
    read_field(item, "content", place, declared.token.content);
    read_field(item, "single_word", place, declared.token.single_word);
    read_field(item, "lstrip", place, declared.token.lstrip);
    read_field(item, "rstrip", place, declared.token.rstrip);
    read_field(item, "normalized", place, declared.normalized);
    read_field(item, "special", place, declared.special);
  }
  return tokens;
}

void read_truncation(const nlohmann::json& truncation, const std::string& place, TokenizerParts& parts) {
  if (truncation.is_null()) return;
  std::string direction = "Right";
  std::int64_t max_length = 0;
  read_optional_field(truncation, "direction", place, direction);
  read_field(truncation, "max_length", place, max_length);
  if (direction != "Right" && direction != "Left")
    fail_input("the direction '", direction, "' is neither 'Right' nor 'Left' (", place,
               "); make the folder again");
  if (direction == "Left") parts.truncation_side = TruncationSide::left;
  if (max_length >= 1) parts.max_length = max_length;
}

}  // namespace

ReadTokenizer read_tokenizer_json(const std::string& path) {
  const nlohmann::json root = read_json(path, kMaxTokenizerBytes);
  if (!root.is_object()) fail_input("a JSON object is expected (", path, "); make the folder again");
  std::string version = "1.0";
  read_optional_field(root, "version", path, version);
  if (version != "1.0")
    fail_input("version '", version, "' is not in this version of thaw (", path, "); it reads 1.0");

  ReadTokenizer to(path + ", model");
  to.parts.normalizer = read_normalizer(part_of(root, "normalizer"), path + ", normalizer");
  to.parts.pre_tokenizer = read_pre_tokenizer(part_of(root, "pre_tokenizer"), path + ", pre_tokenizer");
  check_front(to.parts, path);
  to.parts.model = read_model(part_of(root, "model"), to.parts.pre_tokenizer.is_byte_level(), to.vocabulary);
  set_added_tokens(read_added_tokens(root, path), to);
  read_post_processor(part_of(root, "post_processor"), path + ", post_processor", to);
  read_truncation(part_of(root, "truncation"), path + ", truncation", to.parts);
  if (const nlohmann::json& padding = part_of(root, "padding"); !padding.is_null())
    read_field(padding, "pad_id", path + ", padding", to.pad_id.emplace());
  return to;
}

}  // namespace thaw
