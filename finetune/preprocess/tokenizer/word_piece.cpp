#include "finetune/preprocess/tokenizer/word_piece.h"

#include <algorithm>

namespace thaw {

WordPiece::WordPiece(const Vocabulary& vocabulary, const Options& options)
    : unknown_(vocabulary.at(options.unk_token)),
      max_chars_(static_cast<std::size_t>(std::max<std::int64_t>(0, options.max_input_chars_per_word))) {
  std::vector<Trie::Entry> first, continuing;
  for (const auto& [token, id] : vocabulary.ids()) {
    first.emplace_back(token, id);
    const std::string& prefix = options.continuing_subword_prefix;
    if (token.starts_with(prefix)) continuing.emplace_back(std::string_view(token).substr(prefix.size()), id);
  }
  first_ = Trie(std::move(first));
  continuing_ = Trie(std::move(continuing));
}

void WordPiece::append_ids(std::string_view piece, std::vector<std::int64_t>& ids) const {
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const bool too_long =
      piece.size() > max_chars_ &&
      static_cast<std::size_t>(std::count_if(piece.begin(), piece.end(), begins_character)) > max_chars_;
  const std::size_t before = ids.size();
  const Trie* trie = &first_;
  while (!piece.empty()) {
    const Trie::Match match = too_long ? Trie::Match{} : trie->longest(piece);
    if (match.size == 0) {
      ids.resize(before);
      ids.push_back(unknown_);
      return;
    }
    ids.push_back(match.id);
    piece.remove_prefix(match.size);
    trie = &continuing_;
  }
}

}  // namespace thaw
