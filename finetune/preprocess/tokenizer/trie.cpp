#include "finetune/preprocess/tokenizer/trie.h"

#include <algorithm>
#include <cstring>

namespace thaw {

Trie::Trie(std::vector<Entry> entries) : nodes_(1), bytes_(1), from_root_(256, 0) {
  std::erase_if(entries, [](const Entry& entry) { return entry.first.empty(); });
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.first < b.first; });
  // Breadth first: each node's strings are a range of the sorted ones, equal in their first `depth` bytes.
  struct Range {
    std::size_t begin, end, depth;
  };
  std::vector<Range> ranges{{0, entries.size(), 0}};  // of each node
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    auto [at, end, depth] = ranges[node];
    for (; at < end && entries[at].first.size() == depth; ++at)
      nodes_[node].id = static_cast<std::int32_t>(entries[at].second);
    nodes_[node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (at < end) {
      const char byte = entries[at].first[depth];
      std::size_t next = at;
      while (next < end && entries[next].first[depth] == byte) ++next;
      if (node == 0) from_root_[static_cast<unsigned char>(byte)] = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
      bytes_.push_back(byte);
      ranges.push_back({at, next, depth + 1});
      ++nodes_[node].children;
      at = next;
    }
  }
}

std::uint32_t Trie::child(std::uint32_t node, char byte) const {
  if (node == 0) return from_root_[static_cast<unsigned char>(byte)];
  const Node& parent = nodes_[node];
  const char* first = bytes_.data() + parent.first_child;
  const void* found = std::memchr(first, byte, parent.children);
  if (found == nullptr) return 0;
  return parent.first_child + static_cast<std::uint32_t>(static_cast<const char*>(found) - first);
}

Trie::Match Trie::longest(std::string_view text) const {
  Match match;
  for_each_prefix(text, [&](std::size_t size, std::int64_t id) { match = {size, id}; });
  return match;
}

std::int64_t Trie::find(std::string_view text) const {
  std::uint32_t node = 0;
  for (const char byte : text) {
    node = child(node, byte);
    if (node == 0) return -1;
  }
  return nodes_[node].id;
}

}  // namespace thaw
