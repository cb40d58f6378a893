// Inspecting the recorded graph: counts, and a drawing that shows what is frozen.
#include <functional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/autograd.h"
#include "core/trace.h"

namespace thaw {
namespace {

bool counts(const Storage& storage) {
  return storage.category() != memory::Category::parameter && storage.category() != memory::Category::input;
}

std::int64_t add_saved(const Node& node, std::unordered_set<const Storage*>& seen) {
  std::int64_t bytes = 0;
  for (const auto& vjp : node.vjps)
    for (const SavedTensor& saved : vjp->saved) {
      if (!saved.tensor().defined()) continue;
      const Storage& storage = saved.tensor().storage();
      if (counts(storage) && seen.insert(&storage).second) bytes += storage.bytes();
    }
  return bytes;
}

void visit_nodes(const Tensor& root, const std::function<void(const Node&)>& visit) {
  std::vector<const Node*> stack;
  std::unordered_set<const Node*> seen;
  auto push = [&](const Node* node) {
    if (node != nullptr && seen.insert(node).second) stack.push_back(node);
  };
  push(root.grad_fn().get());
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    visit(*node);
    for (const auto& vjp : node->vjps)
      for (const Target& target : vjp->targets) push(target.node.get());
  }
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? "\\n" : std::string(1, c);
  }
  return out + '"';
}

class DotWriter {
 public:
  explicit DotWriter(const Tensor& root) {
    out_ << "digraph thaw {\n  rankdir=BT;\n  node [shape=box, fontname=\"sans-serif\", fontsize=10];\n";
    visit_nodes(root, [this](const Node& node) { write(node); });
    out_ << "}\n";
  }
  std::string str() const { return out_.str(); }

 private:
  static std::string id(const Node& node) { return concat('n', node.sequence); }

  void write(const Node& node) {
    const std::string path = scope_path(node.scope);
    out_ << "  " << id(node) << " [label="
         << quoted(concat(node.name, ' ', node.output_shape, path.empty() ? "" : "\n" + path, "\nsaves ",
                          add_saved(node, saved_), " B"))
         << "];\n";
    for (const auto& vjp : node.vjps)
      for (const Target& target : vjp->targets) write_edge(node, target);
    for (const auto& name : node.frozen) {
      if (frozen_.insert(*name).second)
        out_ << "  " << quoted("frozen " + *name) << " [label=" << quoted(*name + "\n(frozen)")
             << ", style=filled, fillcolor=grey85, color=grey60, fontcolor=grey40];\n";
      out_ << "  " << quoted("frozen " + *name) << " -> " << id(node) << " [color=grey70, style=dashed];\n";
    }
  }

  void write_edge(const Node& node, const Target& target) {
    if (target.node) {
      out_ << "  " << id(*target.node) << " -> " << id(node) << ";\n";
    } else if (target.leaf.defined()) {
      const std::string name =
          target.leaf.name().empty() ? concat("leaf ", target.shape) : target.leaf.name();
      // Keys are numbers: leaves may share a name, and with addresses the graphs of equal networks would
      // differ.
      const auto [found, is_new] = leaves_.emplace(target.leaf.impl().get(), leaves_.size() + 1);
      const std::string key = concat("leaf ", found->second);
      if (is_new)
        out_ << "  " << quoted(key) << " [label=" << quoted(concat(name, "\n", target.shape))
             << ", style=filled, fillcolor=lightgoldenrod1, penwidth=2];\n";
      out_ << "  " << quoted(key) << " -> " << id(node) << ";\n";
    }
  }

  std::ostringstream out_;
  std::unordered_set<const Storage*> saved_;
  std::unordered_map<const void*, std::size_t> leaves_;
  std::set<std::string> frozen_;
};

}  // namespace

std::int64_t Node::saved_bytes() const {
  std::unordered_set<const Storage*> seen;
  return add_saved(*this, seen);
}

GraphStats graph_stats(const Tensor& root) {
  GraphStats stats;
  std::unordered_set<const Storage*> seen;
  visit_nodes(root, [&](const Node& node) {
    ++stats.nodes;
    for (const auto& vjp : node.vjps)
      for (const Target& target : vjp->targets) stats.edges += target.wanted() ? 1 : 0;
    stats.saved_bytes += add_saved(node, seen);
  });
  return stats;
}

std::string graph_dot(const Tensor& root) { return DotWriter(root).str(); }

}  // namespace thaw
