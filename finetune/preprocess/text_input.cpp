#include "finetune/preprocess/text_input.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "finetune/data/texts.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"

namespace thaw {
namespace {

// What the tokenizer makes of a text, or of a pair, must be something that the model can take.
void check_template(const TextInput& input, const Tokenizer& tokenizer, bool pairs) {
  const std::vector<std::int64_t> none = pairs ? tokenizer.encode_pair("", "").ids : tokenizer.encode("").ids;
  if (const auto least = static_cast<std::int64_t>(none.size()); input.max_length <= least)
    fail_input("a length of ", input.max_length, " leaves no room for a text beside the tokenizer's ", least,
               " special tokens (", input.folder, "); let model.max_length, or the folder's length, be more");
  if (input.token_types == 0) return;
  const std::vector<std::int64_t> types =
      pairs ? tokenizer.encode_pair("a", "a").type_ids : tokenizer.encode("a").type_ids;
  const std::int64_t highest = types.empty() ? 0 : *std::max_element(types.begin(), types.end());
  if (!pairs && highest > 0)
    fail_input("the tokenizer's template gives a single text another type than 0 (", input.folder,
               "), which is not in this version; make its type_ids 0");
  if (highest >= input.token_types)
    fail_input("the tokenizer gives the second text of a pair the type ", highest, ", the model knows ",
               input.token_types, " (", input.folder, "); use the tokenizer that belongs to it");
}

// The tokens of a text, and the types where it is a pair that the model tells apart.
void encode(const TextInput& input, bool pair, Text& text) {
  const Tokenizer& tokenizer = *input.tokenizer;
  Encoding encoding = pair ? tokenizer.encode_pair(text.first, text.second, input.max_length)
                           : tokenizer.encode(text.first, input.max_length);
  // Where a tokenizer adds nothing, an empty text has no token, and a model nothing to see.
  if (encoding.ids.empty()) encoding = {{tokenizer.pad_id()}, {0}};
  text.tokens = std::move(encoding.ids);
  text.types.clear();
  if (pair && input.token_types > 0) text.types = std::move(encoding.type_ids);
}

}  // namespace

std::string tokenize(const TextInput& input, const std::vector<Dataset*>& parts) {
  const Tokenizer& tokenizer = *input.tokenizer;
  check_template(input, tokenizer, std::any_of(parts.begin(), parts.end(), [](const Dataset* data) {
                   return data->size() > 0 && texts_of(*data).pairs;
                 }));
  if (tokenizer.vocab_size() > input.vocabulary)
    fail_input("the tokenizer has ", tokenizer.vocab_size(), " tokens, the model ", input.vocabulary, " (",
               input.folder, "); use the tokenizer that belongs to it");
  const std::optional<std::int64_t> unknown_id = tokenizer.unknown_id();
  std::int64_t tokens = 0, unknown = 0;
  for (Dataset* data : parts) {
    if (data->size() == 0) continue;
    auto texts = std::make_shared<Texts>(texts_of(*data));
    texts->pad_id = tokenizer.pad_id();
    for (Text& text : texts->texts) {
      encode(input, texts->pairs, text);
      tokens += static_cast<std::int64_t>(text.tokens.size());
      if (unknown_id) unknown += std::count(text.tokens.begin(), text.tokens.end(), *unknown_id);
    }
    data->inputs = std::move(texts);
  }
  if (10 * unknown <= tokens) return "";
  return concat("warning: ", 100 * unknown / tokens, " % of the tokens are unknown to the tokenizer (",
                input.folder, "): is it whole, and are the texts in its language?");
}

std::string note_of_tokenizer(const TextInput& input, const std::string& folder, const Dataset& data) {
  constexpr std::int64_t kEnough = 100;  // texts: what differs in none of them hardly matters
  const auto has = [&](const char* name) { return std::filesystem::exists(folder + "/" + name); };
  if (folder.empty() || (!has("tokenizer.json") && !has("vocab.txt") && !has("merges.txt"))) return "";
  std::shared_ptr<const Tokenizer> other;
  try {
    other = load_tokenizer(folder);
  } catch (const InputError& error) {
    return concat("warning: whether the tokenizer of ", folder, ", whose weights these are, is that of ",
                  input.folder, " is not known: ", error.what());
  }
  const Texts& texts = texts_of(data);
  for (std::int64_t row = 0; row < std::min(data.size(), kEnough); ++row)
    if (input.tokenizer->encode(texts[row].first).ids != other->encode(texts[row].first).ids)
      return concat("warning: the tokenizer of ", folder,
                    ", whose weights these are, gives other tokens than that of ", input.folder,
                    ", which is used: set model.from to the former");
  return "";
}

std::int64_t count_full(const TextInput& input, const Dataset& data) {
  std::int64_t full = 0;
  for (std::int64_t row = 0; row < data.size(); ++row)
    if (data.inputs->length(row) == input.max_length) ++full;
  return full;
}

std::string note_of_cut(const TextInput& input, std::int64_t full, std::int64_t texts) {
  if (full == 0) return "";
  return concat(full, " of ", texts, " texts fill ", input.max_length, " tokens: longer ones are truncated");
}

}  // namespace thaw
