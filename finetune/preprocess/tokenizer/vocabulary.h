// A tokenizer's vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace thaw {

// Tokens and their ids. `place` is for messages: the file, and perhaps what of it.
class Vocabulary {
 public:
  explicit Vocabulary(std::string place) : place_(std::move(place)) {}

  // InputError for an id that is negative, above 2^31 - 1, or another token's. A token that stands there
  // already gets the new id.
  void add(const std::string& token, std::int64_t id);

  std::optional<std::int64_t> find(const std::string& token) const;

  // InputError where there is no such token.
  std::int64_t at(const std::string& token) const;

  // The ids of <0x00> to <0xFF>, which stand for bytes; -1 where there is no such token.
  std::array<std::int64_t, 256> byte_tokens() const;

  std::int64_t count() const { return static_cast<std::int64_t>(ids_.size()); }
  std::int64_t end_id() const { return end_id_; }  // one above the highest id
  const std::unordered_map<std::string, std::int64_t>& ids() const { return ids_; }
  const std::string& place() const { return place_; }

 private:
  std::string place_;
  std::unordered_map<std::string, std::int64_t> ids_;
  std::unordered_map<std::int64_t, std::string> tokens_;
  std::int64_t end_id_ = 0;
};

}  // namespace thaw
