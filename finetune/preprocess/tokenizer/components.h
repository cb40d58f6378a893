// The normalizer, pre_tokenizer and post_processor of tokenizer.json.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "finetune/preprocess/tokenizer/normalizer.h"
#include "finetune/preprocess/tokenizer/pre_tokenizer.h"
#include "finetune/preprocess/tokenizer/reading.h"

namespace thaw {

// The steps of BERT's normaliser. Without strip_accents it strips them where it lower-cases.
std::vector<NormalizerStep> bert_normalizer(bool clean_text, bool cjk, std::optional<bool> strip_accents,
                                            bool lowercase);

// [CLS] A [SEP] and [CLS] A [SEP] B [SEP], the latter's B and last [SEP] of type 1.
void set_bert_templates(std::int64_t cls, std::int64_t sep, TokenizerParts& parts);

// <s> A </s> and <s> A </s> </s> B </s>, all of type 0.
void set_roberta_templates(std::int64_t cls, std::int64_t sep, TokenizerParts& parts);

// Components of tokenizer.json; `place` is for messages.
Normalizer read_normalizer(const nlohmann::json& json, const std::string& place);
PreTokenizer read_pre_tokenizer(const nlohmann::json& json, const std::string& place);
void read_post_processor(const nlohmann::json& json, const std::string& place, ReadTokenizer& to);

// The component's "type". InputError if it is no object or has none.
std::string component_type(const nlohmann::json& json, const std::string& place);

[[noreturn]] void refuse_component(const std::string& type, const std::string& known,
                                   const std::string& place);

}  // namespace thaw
