#include "finetune/preprocess/tokenizer/added_tokens.h"

#include <algorithm>

#include "finetune/common/utf8.h"

namespace thaw {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::vector<Trie::Entry> entries;
  for (const AddedToken& token : tokens_) {
    entries.emplace_back(token.content, static_cast<std::int64_t>(entries.size()));
    if (!token.content.empty()) begins_token_[static_cast<unsigned char>(token.content.front())] = true;
  }
  trie_ = Trie(std::move(entries));
}

bool AddedTokens::cut(std::string_view text, const Sink& sink) const {
  if (tokens_.empty()) return text.empty() || sink(text, -1);
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (!begins_token_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    const Trie::Match match = trie_.longest(text.substr(at));
    if (match.size == 0) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + match.size;
    at = end;
    const AddedToken& token = tokens_[static_cast<std::size_t>(match.id)];
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip) begin = strip_left(text, begin, done);
    if (token.rstrip) end = strip_right(text, end);
    if (begin >= end) continue;  // the token before took it as its white space
    if (done < begin && !sink(text.substr(done, begin - done), -1)) return false;
    if (!sink(text.substr(begin, end - begin), token.id)) return false;
    done = end;
  }
  return done >= text.size() || sink(text.substr(done), -1);
}

bool AddedTokens::has(std::int64_t id) const {
  return std::any_of(tokens_.begin(), tokens_.end(),
                     [id](const AddedToken& token) { return token.id == id; });
}

bool AddedTokens::stands_alone(std::string_view text, std::size_t begin, std::size_t end) const {
  const auto is_word = [&](char32_t c) { return (table_->flags(c) & kWord) != 0; };
  const char* before = text.data() + begin;
  const char* behind = text.data() + end;
  return (begin == 0 || !is_word(previous_scalar(before))) &&
         (end == text.size() || !is_word(next_scalar(behind)));
}

// Where the white space that ends at `begin` starts; at `limit`, at the earliest.
std::size_t AddedTokens::strip_left(std::string_view text, std::size_t begin, std::size_t limit) const {
  while (begin > limit) {
    const char* before = text.data() + begin;
    if ((table_->flags(previous_scalar(before)) & kSpace) == 0) break;
    begin = static_cast<std::size_t>(before - text.data());
  }
  // Behind a token that took the white space of this one's front, the front is the end of that token.
  return begin > limit ? begin : limit;
}

std::size_t AddedTokens::strip_right(std::string_view text, std::size_t end) const {
  const char* at = text.data() + end;
  while (at != text.data() + text.size()) {
    const char* const here = at;
    if ((table_->flags(next_scalar(at)) & kSpace) == 0) return static_cast<std::size_t>(here - text.data());
  }
  return text.size();
}

}  // namespace thaw
