#include <algorithm>

#include "core/error.h"
#include "finetune/preprocess/tokenizer/model.h"

namespace thaw {

void Vocabulary::add(const std::string& token, std::int64_t id) {
  if (id < 0 || id > INT32_MAX)
    fail_input("the token '", token, "' has the id ", id, ", which is not in 0 to ", INT32_MAX, " (", place_,
               "); make the folder again");
  const auto [holder, is_new] = tokens_.emplace(id, token);
  if (!is_new && holder->second != token)
    fail_input("the tokens '", holder->second, "' and '", token, "' have the same id ", id, " (", place_,
               "); make the folder again");
  ids_[token] = id;
  end_id_ = std::max(end_id_, id + 1);
}

std::optional<std::int64_t> Vocabulary::find(const std::string& token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t Vocabulary::at(const std::string& token) const {
  const auto found = find(token);
  if (!found)
    fail_input("the token '", token, "' is not in the vocabulary (", place_, "); make the folder again");
  return *found;
}

std::array<std::int64_t, 256> Vocabulary::byte_tokens() const {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::array<std::int64_t, 256> ids;
  for (std::size_t byte = 0; byte < ids.size(); ++byte)
    ids[byte] = find(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + '>').value_or(-1);
  return ids;
}

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
