#include "finetune/preprocess/tokenizer/components.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/preprocess/tokenizer/precompiled.h"
#include "finetune/preprocess/tokenizer/splitting_pre_tokenizers.h"
#include "finetune/preprocess/tokenizer/text_normalizers.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

// The objects of an array, each with a place that counts it.
template <class Use>
void for_each_item(const nlohmann::json& object, const char* key, const std::string& place, const Use& use) {
  std::vector<nlohmann::json> items;
  read_field(object, key, place, items);
  for (std::size_t i = 0; i < items.size(); ++i) use(items[i], concat(place, ", ", key, "[", i, "]"));
}

// Names of the parts that a table has, and more, for messages.
template <class Table>
std::string known_types(const Table& table, const char* more) {
  std::string names;
  for (const auto& row : table) names.append(row.first).append(", ");
  return names + more;
}

// A step of one character after another, or a part of its own.
const std::map<std::string, NormalizerStep> kNormalizerSteps = {
    {"Lowercase", NormalizerStep::lowercase},
    {"NFC", NormalizerStep::nfc},
    {"NFD", NormalizerStep::nfd},
    {"NFKC", NormalizerStep::nfkc},
    {"NFKD", NormalizerStep::nfkd},
    {"Nmt", NormalizerStep::nmt},
    {"StripAccents", NormalizerStep::strip_accents},
};
const std::map<std::string, NormalizerReader*> kNormalizers = {
    {"Precompiled", read_precompiled},
    {"Prepend", read_prepend},
    {"Replace", read_replace},
    {"Strip", read_strip},
};
const std::map<std::string, PreTokenizerReader*> kPreTokenizers = {
    {"BertPreTokenizer", read_bert_pre_tokenizer},
    {"ByteLevel", read_byte_level},
    {"Digits", read_digits},
    {"Metaspace", read_metaspace},
    {"Punctuation", read_punctuation},
    {"Split", read_split},
    {"Whitespace", read_whitespace},
    {"WhitespaceSplit", read_whitespace_split},
};

std::vector<NormalizerStep> read_bert_normalizer(const nlohmann::json& object, const std::string& place) {
  bool clean_text = true, cjk = true, lowercase = true;
  read_field(object, "clean_text", place, clean_text);
  read_field(object, "handle_chinese_chars", place, cjk);
  read_field(object, "lowercase", place, lowercase);
  std::optional<bool> strip_accents;
  if (object.contains("strip_accents") && !object["strip_accents"].is_null())
    read_field(object, "strip_accents", place, strip_accents.emplace());
  return bert_normalizer(clean_text, cjk, strip_accents, lowercase);
}

// Steps that follow one another become one part.
class NormalizerParts {
 public:
  void read(const nlohmann::json& object, const std::string& place) {
    const std::string type = component_type(object, place);
    const auto step = kNormalizerSteps.find(type);
    const auto part = kNormalizers.find(type);
    if (type == "Sequence") {
      for_each_item(object, "normalizers", place,
                    [&](const nlohmann::json& item, const std::string& at) { read(item, at); });
    } else if (step != kNormalizerSteps.end()) {
      steps_.push_back(step->second);
    } else if (type == "BertNormalizer") {
      for (const NormalizerStep one : read_bert_normalizer(object, place)) steps_.push_back(one);
    } else if (part != kNormalizers.end()) {
      close_steps();
      parts_.push_back(part->second(object, place));
    } else {
      refuse_component(
          type, known_types(kNormalizerSteps, "") + known_types(kNormalizers, "BertNormalizer and Sequence"),
          place);
    }
  }

  Normalizer take() {
    close_steps();
    return Normalizer(std::move(parts_));
  }

 private:
  void close_steps() {
    if (!steps_.empty()) parts_.push_back(std::make_shared<CharacterNormalizer>(std::move(steps_)));
    steps_.clear();
  }

  Normalizer::Parts parts_;
  std::vector<NormalizerStep> steps_;  // behind those parts
};

void read_pre_tokenizer_parts(const nlohmann::json& object, const std::string& place,
                              PreTokenizer::Parts& parts) {
  const std::string type = component_type(object, place);
  if (type == "Sequence") {
    for_each_item(object, "pretokenizers", place, [&](const nlohmann::json& item, const std::string& at) {
      read_pre_tokenizer_parts(item, at, parts);
    });
    return;
  }
  const auto reader = kPreTokenizers.find(type);
  if (reader == kPreTokenizers.end())
    refuse_component(type, known_types(kPreTokenizers, "and Sequence"), place);
  if (!parts.empty() && parts.back()->is_byte_level())
    fail_input("a pre-tokenizer behind ByteLevel, '", type, "', is not in this version (", place,
               "); put ByteLevel last");
  parts.push_back(reader->second(object, place));
  if (parts.size() > 1 && parts.back()->needs_front())
    fail_input("the prepend_scheme 'first' behind another pre-tokenizer is not in this version (", place,
               "); put ", type, " first");
}

void check_id(std::int64_t id, const std::string& place, const ReadTokenizer& tokenizer) {
  if (id < 0 || id >= tokenizer.parts.vocab_size)
    fail_input("the special token's id ", id, " is not in the vocabulary, whose ids are below ",
               tokenizer.parts.vocab_size, " (", place, "); make the folder again");
}

Template read_template(const nlohmann::json& object, const char* key, const std::string& place,
                       const ReadTokenizer& tokenizer) {
  nlohmann::json special;
  read_field(object, "special_tokens", place, special);
  Template pieces;
  for_each_item(object, key, place, [&](const nlohmann::json& item, const std::string& at) {
    TemplatePiece& piece = pieces.emplace_back();
    const bool is_text = item.contains("Sequence");
    nlohmann::json content;
    read_field(item, is_text ? "Sequence" : "SpecialToken", at, content);
    std::string id;
    read_field(content, "id", at, id);
    read_field(content, "type_id", at, piece.type_id);
    if (piece.type_id < 0)
      fail_input("the type_id ", piece.type_id, " is negative (", at, "); make the folder again");
    if (is_text) {
      if (id != "A" && (id != "B" || key == std::string("single")))
        fail_input("there is no sequence '", id, "' here (", at, "); make the folder again");
      piece.kind = id == "A" ? TemplatePiece::Kind::first : TemplatePiece::Kind::second;
    } else {
      piece.kind = TemplatePiece::Kind::special;
      nlohmann::json token;
      read_field(special, id.c_str(), place + ", special_tokens", token);
      read_field(token, "ids", at, piece.ids);
      for (const std::int64_t one : piece.ids) check_id(one, at, tokenizer);
    }
  });
  return pieces;
}

std::int64_t read_token_pair(const nlohmann::json& object, const char* key, const std::string& place,
                             const ReadTokenizer& tokenizer) {
  std::pair<std::string, std::int64_t> token;
  read_field(object, key, place, token);
  check_id(token.second, place, tokenizer);
  return token.second;
}

}  // namespace

std::string component_type(const nlohmann::json& object, const std::string& place) {
  if (!object.is_object()) fail_input("a JSON object is expected (", place, "); make the folder again");
  std::string type;
  read_field(object, "type", place, type);
  return type;
}

void refuse_component(const std::string& type, const std::string& known, const std::string& place) {
  fail_input("the type '", type, "' is not in this version (", place, "); it reads ", known);
}

std::vector<NormalizerStep> bert_normalizer(bool clean_text, bool cjk, std::optional<bool> strip_accents,
                                            bool lowercase) {
  std::vector<NormalizerStep> steps;
  if (clean_text) steps.push_back(NormalizerStep::clean_text);
  if (cjk) steps.push_back(NormalizerStep::space_cjk);
  if (strip_accents.value_or(lowercase))
    steps.insert(steps.end(), {NormalizerStep::nfd, NormalizerStep::strip_nonspacing});
  if (lowercase) steps.push_back(NormalizerStep::lowercase);
  return steps;
}

void set_bert_templates(std::int64_t cls, std::int64_t sep, TokenizerParts& parts) {
  using Kind = TemplatePiece::Kind;
  parts.single = {{Kind::special, 0, {cls}}, {Kind::first, 0, {}}, {Kind::special, 0, {sep}}};
  parts.pair = parts.single;
  parts.pair.insert(parts.pair.end(), {{Kind::second, 1, {}}, {Kind::special, 1, {sep}}});
}

void set_roberta_templates(std::int64_t cls, std::int64_t sep, TokenizerParts& parts) {
  using Kind = TemplatePiece::Kind;
  parts.single = {{Kind::special, 0, {cls}}, {Kind::first, 0, {}}, {Kind::special, 0, {sep}}};
  parts.pair = parts.single;
  parts.pair.insert(parts.pair.end(),
                    {{Kind::special, 0, {sep}}, {Kind::second, 0, {}}, {Kind::special, 0, {sep}}});
}

Normalizer read_normalizer(const nlohmann::json& object, const std::string& place) {
  NormalizerParts parts;
  if (!object.is_null()) parts.read(object, place);
  return parts.take();
}

PreTokenizer read_pre_tokenizer(const nlohmann::json& object, const std::string& place) {
  PreTokenizer::Parts parts;
  if (!object.is_null()) read_pre_tokenizer_parts(object, place, parts);
  return PreTokenizer(std::move(parts));
}

// ByteLevel as a post-processor changes offsets alone.
void read_post_processor(const nlohmann::json& object, const std::string& place, ReadTokenizer& to) {
  if (object.is_null()) return;
  const std::string type = component_type(object, place);
  if (type == "TemplateProcessing") {
    to.parts.single = read_template(object, "single", place, to);
    to.parts.pair = read_template(object, "pair", place, to);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    const std::int64_t cls = read_token_pair(object, "cls", place, to);
    const std::int64_t sep = read_token_pair(object, "sep", place, to);
    (type == "BertProcessing" ? set_bert_templates : set_roberta_templates)(cls, sep, to.parts);
  } else if (type == "Sequence") {
    std::vector<nlohmann::json> processors;
    read_field(object, "processors", place, processors);
    std::erase_if(processors,
                  [&](const nlohmann::json& one) { return component_type(one, place) == "ByteLevel"; });
    if (processors.size() > 1)
      fail_input("post-processors after one another are not in this version (", place,
                 "); keep one beside ByteLevel");
    if (!processors.empty()) read_post_processor(processors[0], place, to);
  } else if (type != "ByteLevel") {
    refuse_component(type, "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and Sequence",
                     place);
  }
}

}  // namespace thaw
