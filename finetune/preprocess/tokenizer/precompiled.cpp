#include "finetune/preprocess/tokenizer/precompiled.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "finetune/common/utf8.h"
#include "finetune/preprocess/tokenizer/grapheme.h"
#include "finetune/preprocess/tokenizer/unicode.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

// RFC 4648, section 4; nothing for what is not written in just this way.
std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::int8_t, 256> value_of;
  value_of.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    value_of[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  for (; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);

  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;  // of the lowest ones in `bits` that are still to come
  for (const char c : text) {
    const std::int8_t value = value_of[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xFFFF;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

// A trie of bytes in a double array (Aoe 1989), in the form of the library Darts-clone that SentencePiece
// uses: the child of a node by a byte is at the node's base with the byte XORed to it, if it carries that
// byte as its label; with the byte 0 there is the value of the string that ends here.
class DoubleArray {
 public:
  // The table's replacements are `text`, and a value is an offset into it. InputError where the trie leads
  // outside of itself or of `text`: all of it is looked at here, and nothing later on.
  DoubleArray(std::string_view bytes, std::string_view text, const std::string& place)
      : units_(bytes.size() / 4) {
    if (units_.empty()) fail_input("the table has no trie (", place, "); make the folder again");
    std::memcpy(units_.data(), bytes.data(), 4 * units_.size());
    for (std::size_t node = 0; node < units_.size(); ++node) {
      if (node > 0 && is_value(units_[node])) continue;
      const std::size_t base = base_of(node);
      if ((base | 0xFF) >= units_.size())
        fail_input("the table's trie leads outside of itself at ", node, " (", place,
                   "); make the folder again");
      if (!ends_string(units_[node])) continue;
      const std::size_t offset = value_of(units_[base]);
      const bool in_character =
          offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xC0) == 0x80;
      if (offset > text.size() || in_character)
        fail_input("the table's trie leads to ", offset, ", where no replacement begins (", place,
                   "); make the folder again");
    }
  }

  // The value of the shortest string that `text` begins with.
  std::optional<std::size_t> find(std::string_view text) const {
    std::size_t base = base_of(0);
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte == 0) break;
      const std::size_t node = base ^ byte;
      if (label_of(units_[node]) != byte) break;
      base = base_of(node);
      if (ends_string(units_[node])) return value_of(units_[base]);
    }
    return std::nullopt;
  }

 private:
  static bool is_value(std::uint32_t unit) { return unit >> 31 != 0; }
  static bool ends_string(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
  static std::size_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
  static std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FF; }
  std::size_t base_of(std::size_t node) const {
    const std::size_t unit = units_[node];
    return node ^ (unit >> 10) << ((unit & 0x200) >> 6);
  }

  std::vector<std::uint32_t> units_;
};

class Precompiled final : public NormalizerPart {
 public:
  // `table`: the size of the trie, little-endian; the trie; the replacements, each with a NUL behind it.
  Precompiled(std::string_view table, const std::string& place)
      : text_(text_of(table, place)), trie_(table.substr(4, trie_size(table)), text_, place) {}

  // A grapheme cluster of less than six bytes is looked up as a whole, and what is found stands for all of
  // it, however short the string that was found. Of other clusters each character is looked up.
  std::string_view normalize(std::string_view text, std::string& buffer) const override {
    buffer.clear();
    for (const char *at = text.data(), *end = at + text.size(); at != end;) {
      const char* const next = next_grapheme(*table_, at, end);
      const std::string_view cluster(at, static_cast<std::size_t>(next - at));
      at = next;
      if (cluster.size() < 6 && append_replacement(cluster, buffer)) continue;
      for (std::size_t done = 0; done < cluster.size();) {
        const std::string_view character = cluster.substr(done, utf8_sequence(cluster.substr(done)));
        if (!append_replacement(character, buffer)) buffer += character;
        done += character.size();
      }
    }
    return buffer;
  }

  bool keeps_front() const override { return true; }

 private:
  static std::size_t trie_size(std::string_view table) {
    std::uint32_t size = 0;
    std::memcpy(&size, table.data(), sizeof size);
    return size / 4 * 4;
  }

  static std::string text_of(std::string_view table, const std::string& place) {
    if (table.size() < 4 || trie_size(table) > table.size() - 4)
      fail_input("the table breaks off (", place, "); make the folder again");
    const std::string_view text = table.substr(4 + trie_size(table));
    if (!is_utf8(text))
      fail_input("the table's replacements are not UTF-8 (", place, "); make the folder again");
    return std::string(text);
  }

  bool append_replacement(std::string_view what, std::string& to) const {
    const std::optional<std::size_t> offset = trie_.find(what);
    if (!offset) return false;
    const std::size_t end = std::min(text_.find('\0', *offset), text_.size());
    to.append(text_, *offset, end - *offset);
    return true;
  }

  const CharTable* table_ = &CharTable::get();
  std::string text_;
  DoubleArray trie_;
};

}  // namespace

std::shared_ptr<const NormalizerPart> read_precompiled(const nlohmann::json& object,
                                                       const std::string& place) {
  std::string text;
  read_field(object, "precompiled_charsmap", place, text);
  const std::optional<std::string> table = decode_base64(text);
  if (!table) fail_input("'precompiled_charsmap' is not base64 (", place, "); make the folder again");
  return std::make_shared<Precompiled>(*table, place);
}

}  // namespace thaw
