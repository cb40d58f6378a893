// Text to token ids, the same ones as Hugging Face's `tokenizers` gives (version 0.23.3 was compared,
// tests/golden/check_tokenizers.py). This header is all that the rest of thaw needs of this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

inline constexpr std::int64_t kMaxTokenizerBytes = std::int64_t{64} << 20;  // of each file

// Ids with the special tokens ([CLS], [SEP], ..), without padding; type_ids tell the sequences of a pair
// apart.
struct Encoding {
  std::vector<std::int64_t> ids, type_ids;  // of one length
};

// Never changes once it is loaded: any number of threads may use one.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Of more than max_length ids, special tokens counted, the last ones of the text go (the first ones where
  // the folder declares truncation on the left); 0: all are kept. InputError if max_length is negative or has
  // no room for the special tokens. Bytes that are not UTF-8 count as U+FFFD, one for each maximal invalid
  // part.
  virtual Encoding encode(std::string_view text, std::int64_t max_length = 0) const = 0;

  // The same for two texts, of which the longer one is cut first ("longest_first").
  virtual Encoding encode_pair(std::string_view first, std::string_view second,
                               std::int64_t max_length = 0) const = 0;

  // The text of such ids, where each token stands for bytes (byte-level BPE); added tokens, such as special ones, have none.
  // What is not UTF-8 in it becomes U+FFFD.
  virtual std::string decode(const std::vector<std::int64_t>& ids) const = 0;

  // What a padded place holds: the padding token of the folder, else "[PAD]" or "<pad>", else the
  // end of text, else 0.
  virtual std::int64_t pad_id() const = 0;

  // What stands for text that the vocabulary has no tokens for; nothing where such text is left out or cannot
  // be (bytes).
  virtual std::optional<std::int64_t> unknown_id() const = 0;

  // One above the highest id, added tokens included: the rows that an embedding must have.
  virtual std::int64_t vocab_size() const = 0;

  // The length that the folder declares: model_max_length of tokenizer_config.json if that is at most 2^24
  // (larger ones stand for "none"), else the truncation of tokenizer.json.
  virtual std::optional<std::int64_t> max_length() const = 0;

  // Names of the folder's files that a saved model needs to have its tokenizer again.
  virtual std::vector<std::string> files() const = 0;
};

// Reads tokenizer.json, else vocab.txt (BERT's WordPiece), else vocab.json with merges.txt (byte-level BPE of
// GPT-2 or RoBERTa), and tokenizer_config.json and special_tokens_map.json. InputError, naming the file and
// the part of it, for what is missing, malformed, larger than kMaxTokenizerBytes, or a kind that is not in
// this version, and where tokenizer_config.json contradicts tokenizer.json.
std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& folder);

}  // namespace thaw
