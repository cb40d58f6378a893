#include "finetune/tokenizer/pipeline.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "finetune/utf8.h"

namespace thaw {
namespace {

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace

Encoding PipelineTokenizer::encode(std::string_view text, std::int64_t max_length) const {
  check_max_length(max_length, parts_.single);
  std::vector<std::int64_t> ids = text_ids(text, max_length), none;
  if (max_length > 0)
    truncate_longest_first(none, ids, max_length - added_tokens(parts_.single), parts_.truncation_side);
  return apply_template(parts_.single, ids, none);
}

Encoding PipelineTokenizer::encode_pair(std::string_view first, std::string_view second,
                                        std::int64_t max_length) const {
  check_max_length(max_length, parts_.pair);
  std::vector<std::int64_t> first_ids = text_ids(first, max_length),
                            second_ids = text_ids(second, max_length);
  if (max_length > 0)
    truncate_longest_first(first_ids, second_ids, max_length - added_tokens(parts_.pair),
                           parts_.truncation_side);
  return apply_template(parts_.pair, first_ids, second_ids);
}

void PipelineTokenizer::check_max_length(std::int64_t max_length, const Template& pieces) const {
  const std::int64_t least = added_tokens(pieces);
  if (max_length < 0 || (max_length > 0 && max_length < least))
    fail_input("a maximal length of ", max_length, " has no room for ", least,
               " special tokens; give a larger one, or 0 for none");
}

// A long text is cut only as far as it is needed: to the end of the piece with which it has max_length ids.
// This is a part of the result's definition, since "longest first" compares what was cut of two texts.
std::vector<std::int64_t> PipelineTokenizer::text_ids(std::string_view text, std::int64_t max_length) const {
  std::string valid;
  if (!is_utf8(text)) text = valid = replace_invalid_utf8(text);
  if (max_length == 0) return cut(text, std::numeric_limits<std::int64_t>::max(), nullptr);
  if (parts_.truncation_side == TruncationSide::right) return cut(text, max_length, nullptr);

  std::vector<Piece> pieces;
  std::vector<std::int64_t> ids = cut(text, std::numeric_limits<std::int64_t>::max(), &pieces);
  const auto enough = std::find_if(pieces.rbegin(), pieces.rend(), [&](const Piece& piece) {
    return piece.from_model && static_cast<std::int64_t>(ids.size() - piece.begin) >= max_length;
  });
  if (enough != pieces.rend())
    ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(enough->begin));
  return ids;
}

// The ids of the text, or of its front up to the piece that brings them to `limit`.
std::vector<std::int64_t> PipelineTokenizer::cut(std::string_view text, std::int64_t limit,
                                                 std::vector<Piece>* pieces) const {
  std::vector<std::int64_t> ids;
  std::string buffer;
  const auto begin_piece = [&](bool from_model) {
    if (pieces != nullptr) pieces->push_back({ids.size(), from_model});
  };
  const auto take_added = [&](std::int64_t id) {
    begin_piece(false);
    ids.push_back(id);
    return true;  // only the model's pieces are counted against the limit
  };
  const PreTokenizer::Sink take_piece = [&](std::string_view piece) {
    begin_piece(true);
    parts_.model->append_ids(piece, ids);
    return static_cast<std::int64_t>(ids.size()) < limit;
  };
  const AddedTokens::Sink take_normalized = [&](std::string_view part, std::int64_t id) {
    return id >= 0 ? take_added(id) : parts_.pre_tokenizer.cut(part, take_piece);
  };
  parts_.raw_tokens.cut(text, [&](std::string_view part, std::int64_t id) {
    if (id >= 0) return take_added(id);
    return parts_.normalized_tokens.cut(parts_.normalizer.normalize(part, buffer), take_normalized);
  });
  return ids;
}

}  // namespace thaw
