#include "finetune/preprocess/tokenizer/vocabulary.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"

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

}  // namespace thaw
