#include "finetune/preprocess/tokenizer/post_processor.h"

#include <algorithm>
#include <utility>

namespace thaw {
namespace {

void truncate_ids(std::vector<std::int64_t>& ids, std::int64_t length, TruncationSide side) {
  const std::int64_t excess = static_cast<std::int64_t>(ids.size()) - length;
  if (excess <= 0) return;
  if (side == TruncationSide::left)
    ids.erase(ids.begin(), ids.begin() + excess);
  else
    ids.resize(static_cast<std::size_t>(length));
}

}  // namespace

std::int64_t added_tokens(const Template& pieces) {
  std::int64_t count = 0;
  for (const TemplatePiece& piece : pieces) count += static_cast<std::int64_t>(piece.ids.size());
  return count;
}

void truncate_longest_first(std::vector<std::int64_t>& first, std::vector<std::int64_t>& second,
                            std::int64_t room, TruncationSide side) {
  if (static_cast<std::int64_t>(first.size() + second.size()) <= room) return;
  auto shorter = static_cast<std::int64_t>(first.size()), longer = static_cast<std::int64_t>(second.size());
  const bool swapped = shorter > longer;
  if (swapped) std::swap(shorter, longer);
  longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = shorter + room % 2;
  }
  if (swapped) std::swap(shorter, longer);
  truncate_ids(first, shorter, side);
  truncate_ids(second, longer, side);
}

Encoding apply_template(const Template& pieces, const std::vector<std::int64_t>& first,
                        const std::vector<std::int64_t>& second) {
  Encoding encoding;
  for (const TemplatePiece& piece : pieces) {
    const std::vector<std::int64_t>& ids = piece.kind == TemplatePiece::Kind::first    ? first
                                           : piece.kind == TemplatePiece::Kind::second ? second
                                                                                       : piece.ids;
    encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
    encoding.type_ids.resize(encoding.ids.size(), piece.type_id);
  }
  return encoding;
}

}  // namespace thaw
