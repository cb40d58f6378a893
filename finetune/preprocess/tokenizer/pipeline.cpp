#include "finetune/preprocess/tokenizer/pipeline.h"

#include "core/error.h"
#include "finetune/common/utf8.h"

namespace thaw {

Encoding PipelineTokenizer::encode(std::string_view text, std::int64_t max_length) const {
  check_max_length(max_length, parts_.single);
  const bool front_is_enough = max_length > 0 && parts_.truncation_side == TruncationSide::right;
  std::vector<std::int64_t> ids = cut(text, front_is_enough ? max_length : kAll), none;
  if (max_length > 0)
    truncate_longest_first(none, ids, max_length - added_tokens(parts_.single), parts_.truncation_side);
  return apply_template(parts_.single, ids, none);
}

Encoding PipelineTokenizer::encode_pair(std::string_view first, std::string_view second,
                                        std::int64_t max_length) const {
  check_max_length(max_length, parts_.pair);
  std::vector<std::int64_t> first_ids = cut(first), second_ids = cut(second);
  if (max_length > 0)
    truncate_longest_first(first_ids, second_ids, max_length - added_tokens(parts_.pair),
                           parts_.truncation_side);
  return apply_template(parts_.pair, first_ids, second_ids);
}

std::string PipelineTokenizer::decode(const std::vector<std::int64_t>& ids) const {
  std::string text;
  for (const std::int64_t id : ids)
    if (const auto word = parts_.added_words.find(id); word != parts_.added_words.end())
      text += word->second;
    else if (!parts_.raw_tokens.has(id) && !parts_.normalized_tokens.has(id))
      text += parts_.model->bytes_of(id).value_or(std::string_view());
  return is_utf8(text) ? text : replace_invalid_utf8(text);
}

void PipelineTokenizer::check_max_length(std::int64_t max_length, const Template& pieces) const {
  const std::int64_t least = added_tokens(pieces);
  if (max_length < 0 || (max_length > 0 && max_length < least))
    fail_input("a maximal length of ", max_length, " has no room for ", least,
               " special tokens; give a larger one, or 0 for none");
}

std::vector<std::int64_t> PipelineTokenizer::cut(std::string_view text, std::int64_t enough) const {
  std::string valid, buffer;
  if (!is_utf8(text)) text = valid = replace_invalid_utf8(text);
  std::vector<std::int64_t> ids;
  const auto more_wanted = [&] { return static_cast<std::int64_t>(ids.size()) < enough; };
  const auto take_added = [&](std::int64_t id) {
    ids.push_back(id);
    return more_wanted();
  };
  const PreTokenizer::Sink take_piece = [&](std::string_view piece) {
    parts_.model->append_ids(piece, ids);
    return more_wanted();
  };
  const char* front = nullptr;  // of the normalised text, where the text itself begins with it
  const AddedTokens::Sink take_normalized = [&](std::string_view part, std::int64_t id) {
    return id >= 0 ? take_added(id) : parts_.pre_tokenizer.cut(part, part.data() == front, take_piece);
  };
  parts_.raw_tokens.cut(text, [&](std::string_view part, std::int64_t id) {
    if (id >= 0) return take_added(id);
    const std::string_view normalized = parts_.normalizer.normalize(part, buffer);
    front = part.data() == text.data() ? normalized.data() : nullptr;
    return parts_.normalized_tokens.cut(normalized, take_normalized);
  });
  return ids;
}

}  // namespace thaw
