// What all models have in common: they cut pieces of text into tokens of a vocabulary.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace thaw {

class TokenModel {
 public:
  virtual ~TokenModel() = default;

  // Appends the ids of the piece's tokens. The piece is UTF-8 and not empty.
  virtual void append_ids(std::string_view piece, std::vector<std::int64_t>& ids) const = 0;

  // The bytes that a token stands for; nothing where the model's kind does not tell, or for no token of it.
  virtual std::optional<std::string_view> bytes_of(std::int64_t) const { return std::nullopt; }

  // See Tokenizer.
  virtual std::optional<std::int64_t> unknown_id() const = 0;
};

}  // namespace thaw
