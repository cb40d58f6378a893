// Strings with ids, found as the longest one at the front of a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace thaw {

// A tree of bytes, the children of a node side by side in memory.
class Trie {
 public:
  using Entry = std::pair<std::string_view, std::int64_t>;

  struct Match {
    std::size_t size = 0;  // bytes; 0: no string of the trie stands there
    std::int64_t id = -1;
  };

  Trie() : Trie(std::vector<Entry>{}) {}

  // Ids are below 2^31. Empty strings are left out; of equal strings the last one counts.
  explicit Trie(std::vector<Entry> entries);

  // The longest string that `text` begins with.
  Match longest(std::string_view text) const;

  // Calls visit(size, id) for each string that `text` begins with, the shortest one first.
  template <class Visit>
  void for_each_prefix(std::string_view text, const Visit& visit) const {
    std::uint32_t node = 0;
    for (std::size_t size = 0; size < text.size();) {
      node = child(node, text[size++]);
      if (node == 0) return;
      if (nodes_[node].id >= 0) visit(size, std::int64_t{nodes_[node].id});
    }
  }

  // The id of exactly this string; -1 where it is none of the trie's.
  std::int64_t find(std::string_view text) const;

 private:
  struct Node {
    std::uint32_t first_child = 0;
    std::int32_t id = -1;
    std::uint16_t children = 0;
  };

  std::uint32_t child(std::uint32_t node, char byte) const;  // 0, the root, for none

  std::vector<Node> nodes_;
  std::vector<char> bytes_;               // that lead to each node
  std::vector<std::uint32_t> from_root_;  // the root's children by byte
};

}  // namespace thaw
