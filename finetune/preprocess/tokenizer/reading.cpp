#include "finetune/preprocess/tokenizer/reading.h"

#include <algorithm>
#include <set>

#include "core/error.h"

namespace thaw {
namespace {

// "<|0.00|>": a time, a language or the like, whatever the file calls it.
bool is_mark(const std::string& content) { return content.starts_with("<|") && content.ends_with("|>"); }

}  // namespace

std::optional<std::int64_t> find_id(const std::string& token, const ReadTokenizer& tokenizer) {
  const auto added = tokenizer.added_ids.find(token);
  return added != tokenizer.added_ids.end() ? added->second : tokenizer.vocabulary.find(token);
}

void set_added_tokens(std::vector<DeclaredToken> tokens, ReadTokenizer& to) {
  const Vocabulary& vocabulary = to.vocabulary;
  std::map<std::int64_t, DeclaredToken> by_id;  // of equal ones the last declaration counts
  std::int64_t next_id = vocabulary.count();
  for (DeclaredToken& declared : tokens) {
    const std::string& content = declared.token.content;
    if (content.empty()) continue;
    const std::optional<std::int64_t> known = find_id(content, to);
    const std::int64_t id = known ? *known : next_id++;
    if (declared.id && *declared.id != id)
      fail_input("the added token '", content, "' is declared with the id ", *declared.id, " but gets ", id,
                 " (", vocabulary.place(), "); make the folder again");
    declared.token.id = id;
    to.added_ids[content] = id;
    to.parts.vocab_size = std::max(to.parts.vocab_size, id + 1);
    by_id.insert_or_assign(id, std::move(declared));
  }
  to.parts.vocab_size = std::max(to.parts.vocab_size, vocabulary.end_id());

  std::vector<AddedToken> raw, normalized;
  std::set<std::string> seen;  // of those in normalised text
  std::string buffer;
  for (auto& [id, declared] : by_id) {
    AddedToken& token = declared.token;
    if (!declared.special && !is_mark(token.content)) to.parts.added_words.emplace(id, token.content);
    if (declared.normalized) {
      const std::string content = token.content;
      token.content = to.parts.normalizer.normalize(content, buffer);
      if (!token.content.empty() && !seen.insert(token.content).second)
        fail_input("the added token '", content, "' is another one's equal once it is normalised (",
                   vocabulary.place(), "); make the folder again");
    }
    (declared.normalized ? normalized : raw).push_back(std::move(token));
  }
  to.parts.raw_tokens = AddedTokens(std::move(raw));
  to.parts.normalized_tokens = AddedTokens(std::move(normalized));
}

}  // namespace thaw
