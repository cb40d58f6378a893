#include "finetune/preprocess/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "core/error.h"
#include "finetune/common/utf8.h"

namespace thaw {
namespace {

// GPT-2's alphabet: a byte that prints is the character of that number, the others are those from U+0100 on.
std::array<char32_t, 256> byte_alphabet() {
  std::array<char32_t, 256> alphabet;
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
    alphabet[byte] = prints ? byte : next++;
  }
  return alphabet;
}

// The bytes that a token spells; none for one with characters outside the alphabet, which no text can give.
std::string spelt_bytes(const std::string& token, const std::unordered_map<char32_t, char>& byte_of) {
  std::string bytes;
  for (const char* at = token.data(); at != token.data() + token.size();) {
    const auto found = byte_of.find(next_scalar(at));
    if (found == byte_of.end()) return {};
    bytes += found->second;
  }
  return bytes;
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

// A multiplicative hash (Knuth, The Art of Computer Programming 3, section 6.4): the upper bits are mixed
// best.
std::size_t hash_pair(std::uint64_t pair) {
  return static_cast<std::size_t>((pair ^ pair >> 29) * 0x9E3779B97F4A7C15ULL >> 20);
}

}  // namespace

Bpe::Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, const Options& options)
    : options_(options) {
  if (options.unk_token) unknown_ = vocabulary.at(*options.unk_token);
  std::unordered_map<char32_t, char> byte_of;
  const std::array<char32_t, 256> alphabet = byte_alphabet();
  for (std::size_t byte = 0; byte < 256; ++byte) byte_of[alphabet[byte]] = static_cast<char>(byte);

  std::vector<std::pair<std::string, std::int64_t>> spelt;
  for (const auto& [token, id] : vocabulary.ids())
    spelt.emplace_back(options.byte_level ? spelt_bytes(token, byte_of) : token, id);
  tokens_ = Trie({spelt.begin(), spelt.end()});
  if (options.byte_level) {
    bytes_.resize(static_cast<std::size_t>(vocabulary.end_id()));
    for (const auto& [bytes, id] : spelt) bytes_[static_cast<std::size_t>(id)] = bytes;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const char text = static_cast<char>(byte);
      byte_ids_[byte] = tokens_.find({&text, 1});
    }
  } else {
    byte_ids_ = vocabulary.byte_tokens();
    if (options.byte_fallback && std::find(byte_ids_.begin(), byte_ids_.end(), -1) != byte_ids_.end())
      fail_input("'byte_fallback' needs a token for each byte, <0x00> to <0xFF> (", vocabulary.place(),
                 "); make the folder again");
  }

  merges_.resize(std::bit_ceil(2 * merges.size() + 1));
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    for (const std::string& token : {left, right, left + right})
      if (!vocabulary.find(token))
        fail_input("the merge '", left, " ", right, "' needs the token '", token,
                   "', which is not in the vocabulary (", vocabulary.place(), "); make the folder again");
    add_merge(vocabulary.at(left), vocabulary.at(right), static_cast<std::uint32_t>(rank),
              vocabulary.at(left + right));
  }
}

// Of a pair that is listed twice the last one counts.
void Bpe::add_merge(std::int64_t left, std::int64_t right, std::uint32_t rank, std::int64_t id) {
  const std::uint64_t pair = pair_key(static_cast<std::int32_t>(left), static_cast<std::int32_t>(right));
  const std::size_t mask = merges_.size() - 1;
  std::size_t at = hash_pair(pair) & mask;
  while (merges_[at].pair != pair && merges_[at].pair != Slot{}.pair) at = (at + 1) & mask;
  merges_[at] = {pair, rank, static_cast<std::int32_t>(id)};
}

const Bpe::Slot* Bpe::find_merge(std::int32_t left, std::int32_t right) const {
  const std::uint64_t pair = pair_key(left, right);
  const std::size_t mask = merges_.size() - 1;
  for (std::size_t at = hash_pair(pair) & mask;; at = (at + 1) & mask) {
    if (merges_[at].pair == pair) return &merges_[at];
    if (merges_[at].pair == Slot{}.pair) return nullptr;
  }
}

std::optional<std::string_view> Bpe::bytes_of(std::int64_t id) const {
  if (id < 0 || id >= static_cast<std::int64_t>(bytes_.size())) return std::nullopt;
  return bytes_[static_cast<std::size_t>(id)];
}

void Bpe::append_ids(std::string_view piece, std::vector<std::int64_t>& ids) const {
  if (options_.ignore_merges) {
    const std::int64_t id = tokens_.find(piece);
    if (id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  // Kept between calls, for a piece is short and there are many.
  thread_local std::vector<Symbol> symbols;
  thread_local std::vector<Candidate> queue;
  split(piece, symbols);
  merge_all(symbols, queue);
  for (const Symbol& symbol : symbols)
    if (!symbol.gone) ids.push_back(symbol.id);
}

void Bpe::split(std::string_view piece, std::vector<Symbol>& symbols) const {
  symbols.clear();
  const auto add = [&](std::int64_t id) {
    const auto place = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({static_cast<std::int32_t>(id), place - 1, place + 1, false});
  };
  bool after_unknown = false;
  for (const char* at = piece.data(); at != piece.data() + piece.size();) {
    const char* const begin = at;
    std::int64_t id;
    if (options_.byte_level) {
      id = byte_ids_[static_cast<unsigned char>(*at++)];
    } else {
      next_scalar(at);
      id = tokens_.find({begin, static_cast<std::size_t>(at - begin)});
    }
    const bool is_unknown = id < 0;
    if (is_unknown && options_.byte_fallback) {
      for (const char* byte = begin; byte != at; ++byte) add(byte_ids_[static_cast<unsigned char>(*byte)]);
      continue;
    }
    if (is_unknown && unknown_ < 0) continue;
    if (!(is_unknown && after_unknown && options_.fuse_unk)) add(is_unknown ? unknown_ : id);
    after_unknown = is_unknown;
  }
  if (!symbols.empty()) symbols.back().next = -1;
}

void Bpe::merge_all(std::vector<Symbol>& symbols, std::vector<Candidate>& queue) const {
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  };
  queue.clear();
  const auto add_pair = [&](std::int32_t left) {
    const Symbol& symbol = symbols[static_cast<std::size_t>(left)];
    const Slot* merge = find_merge(symbol.id, symbols[static_cast<std::size_t>(symbol.next)].id);
    if (merge != nullptr) queue.push_back({merge->rank, left, merge->id});
    return merge != nullptr;
  };
  for (std::int32_t left = 0; left + 1 < static_cast<std::int32_t>(symbols.size()); ++left) add_pair(left);
  std::make_heap(queue.begin(), queue.end(), later);
  while (!queue.empty()) {
    const Candidate best = queue.front();
    std::pop_heap(queue.begin(), queue.end(), later);
    queue.pop_back();
    Symbol& left = symbols[static_cast<std::size_t>(best.left)];
    if (left.gone || left.next < 0) continue;
    Symbol& right = symbols[static_cast<std::size_t>(left.next)];
    const Slot* merge = find_merge(left.id, right.id);
    if (merge == nullptr || merge->id != best.id) continue;  // one of the two has been merged since
    left.id = best.id;
    left.next = right.next;
    right.gone = true;
    if (left.next >= 0) symbols[static_cast<std::size_t>(left.next)].previous = best.left;
    if (left.previous >= 0 && add_pair(left.previous)) std::push_heap(queue.begin(), queue.end(), later);
    if (left.next >= 0 && add_pair(best.left)) std::push_heap(queue.begin(), queue.end(), later);
  }
}

}  // namespace thaw
