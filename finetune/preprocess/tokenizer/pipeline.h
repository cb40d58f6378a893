// The tokenizer that load_tokenizer makes: a normaliser, a pre-tokenizer, a model and a template, one after
// another.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/preprocess/tokenizer/added_tokens.h"
#include "finetune/preprocess/tokenizer/normalizer.h"
#include "finetune/preprocess/tokenizer/post_processor.h"
#include "finetune/preprocess/tokenizer/pre_tokenizer.h"
#include "finetune/preprocess/tokenizer/token_model.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"

namespace thaw {

struct TokenizerParts {
  AddedTokens raw_tokens;  // found in the text as it is
  Normalizer normalizer;
  AddedTokens normalized_tokens;                    // found in the normalised text
  std::map<std::int64_t, std::string> added_words;  // of these two, those that are text of their own
  PreTokenizer pre_tokenizer;
  std::unique_ptr<const TokenModel> model;
  Template single{{TemplatePiece::Kind::first, 0, {}}};
  Template pair{{TemplatePiece::Kind::first, 0, {}}, {TemplatePiece::Kind::second, 1, {}}};
  TruncationSide truncation_side = TruncationSide::right;
  std::int64_t pad_id = 0;
  std::int64_t vocab_size = 0;
  std::optional<std::int64_t> max_length;
  std::vector<std::string> files;
};

class PipelineTokenizer final : public Tokenizer {
 public:
  explicit PipelineTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {}

  Encoding encode(std::string_view text, std::int64_t max_length) const override;
  Encoding encode_pair(std::string_view first, std::string_view second,
                       std::int64_t max_length) const override;
  std::string decode(const std::vector<std::int64_t>& ids) const override;
  std::int64_t pad_id() const override { return parts_.pad_id; }
  std::optional<std::int64_t> unknown_id() const override { return parts_.model->unknown_id(); }
  std::int64_t vocab_size() const override { return parts_.vocab_size; }
  std::optional<std::int64_t> max_length() const override { return parts_.max_length; }
  std::vector<std::string> files() const override { return parts_.files; }

 private:
  static constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

  // The ids of the text, or of its front up to the piece that brings them to `enough`.
  std::vector<std::int64_t> cut(std::string_view text, std::int64_t enough = kAll) const;
  void check_max_length(std::int64_t max_length, const Template& pieces) const;

  TokenizerParts parts_;
};

}  // namespace thaw
