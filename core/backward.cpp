// The backward pass: nodes in descending order of their sequence number, each once. When a node is popped,
// its gradient is complete.
#include <algorithm>
#include <unordered_map>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/trace.h"
#include "kernels/kernels.h"

namespace thaw {
namespace {

using NodePtr = std::shared_ptr<Node>;

bool lower_sequence(const NodePtr& a, const NodePtr& b) { return a->sequence < b->sequence; }

// No other tensor sees these bytes, so they may be overwritten.
bool exclusively_owned(const Tensor& t) {
  return t.impl().use_count() == 1 && t.impl()->storage.use_count() == 1 && t.is_contiguous();
}

// A defined result of a hook replaces the gradient.
Tensor apply_hooks(const std::vector<std::function<Tensor(const Tensor&)>>& hooks, Tensor gradient) {
  for (const auto& hook : hooks) {
    Tensor replaced = hook(gradient);
    if (!replaced.defined()) continue;
    if (!(replaced.shape() == gradient.shape()) || replaced.dtype() != gradient.dtype())
      fail("[hook] a hook replaced the gradient ", dtype_name(gradient.dtype()), ' ', gradient.shape(),
           " by ", dtype_name(replaced.dtype()), ' ', replaced.shape());
    gradient = std::move(replaced);
  }
  return gradient;
}

class Walk {
 public:
  Walk(BackwardOptions options, const std::vector<Tensor>* inputs) : options_(options), capturing_(inputs) {
    if (!inputs) return;
    for (const Tensor& input : *inputs) {
      if (!needs_grad_ever(input)) continue;
      if (input.grad_fn())
        captured_nodes_[input.grad_fn().get()];
      else
        captured_leaves_[input.impl().get()];
    }
  }

  ~Walk() {  // no node may keep an incomplete gradient, even after an error
    for (const NodePtr& node : queue_) node->pending = Tensor();
  }

  void run(const Tensor& root, Tensor dy) {
    if (!root.grad_fn()) {
      add_to_leaf(root, std::move(dy));
    } else {
      send(root.grad_fn(), std::move(dy));
      while (!queue_.empty()) visit(pop());
    }
    for (auto& [leaf, gradient] : hooked_leaves_) finish_hooked(Tensor(leaf), std::move(gradient));
  }

  Tensor captured(const Tensor& input) const {
    if (input.grad_fn()) {
      const auto found = captured_nodes_.find(input.grad_fn().get());
      return found == captured_nodes_.end() ? Tensor() : found->second;
    }
    const auto found = captured_leaves_.find(input.impl().get());
    return found == captured_leaves_.end() ? Tensor() : found->second;
  }

 private:
  static bool needs_grad_ever(const Tensor& t) { return t.requires_grad() || t.grad_fn() != nullptr; }

  NodePtr pop() {
    std::pop_heap(queue_.begin(), queue_.end(), lower_sequence);
    NodePtr node = std::move(queue_.back());
    queue_.pop_back();
    return node;
  }

  void send(const NodePtr& node, Tensor gradient) {
    if (node->pending.defined()) {
      add_into(node->pending, std::move(gradient));
      return;
    }
    node->pending = std::move(gradient);
    queue_.push_back(node);
    std::push_heap(queue_.begin(), queue_.end(), lower_sequence);
  }

  void visit(const NodePtr& node) {
    const Tensor dy = apply_hooks(node->hooks, std::exchange(node->pending, Tensor()));
    if (const auto found = captured_nodes_.find(node.get()); found != captured_nodes_.end())
      found->second = dy;
    if (node->released)
      fail('[', node->name,
           "] this graph was already walked and its saved tensors released; pass retain_graph");
    for (const std::unique_ptr<Vjp>& vjp : node->vjps) run_vjp(node, *vjp, dy);
    if (options_.retain_graph || options_.create_graph) return;
    node->released = true;
    node->vjps.clear();
  }

  void run_vjp(const NodePtr& node, const Vjp& vjp, const Tensor& dy) {
    if (vjp.fused && options_.create_graph)
      fail('[', node->name, "] has no second derivative: its backward is made of fused kernels");
    const bool weights_only = std::all_of(vjp.targets.begin(), vjp.targets.end(),
                                          [](const Target& t) { return t.node == nullptr; });
    const TraceScope trace({weights_only ? Section::weight_gradient : Section::input_gradient, node->scope});
    gradients_.assign(vjp.targets.size(), Tensor());
    std::vector<Tensor> gradients = std::move(gradients_);
    {
      // An error should name this op, not the ops of its backward.
      const AnomalyMode unchecked(false);
      vjp.run(dy, Saved(vjp.saved, node), gradients.data());
    }
    for (std::size_t i = 0; i < vjp.targets.size(); ++i)
      if (vjp.targets[i].wanted() && gradients[i].defined())
        deliver(*node, vjp.targets[i], std::move(gradients[i]));
    gradients_ = std::move(gradients);
  }

  void deliver(const Node& node, const Target& target, Tensor gradient) {
    if (!(gradient.shape() == target.shape)) {
      if (!node.broadcasts)
        fail('[', node.name, "] a gradient has shape ", gradient.shape(), " but its input ", target.shape);
      gradient = sum_to(gradient, target.shape);
    }
    if (gradient.dtype() != target.dtype)
      fail('[', node.name, "] a gradient has dtype ", dtype_name(gradient.dtype()), " but its input ",
           dtype_name(target.dtype));
    if (AnomalyMode::on()) check_gradient(node, gradient);
    if (target.node)
      send(target.node, std::move(gradient));
    else
      add_to_leaf(target.leaf, std::move(gradient));
  }

  static void check_gradient(const Node& node, const Tensor& gradient) {
    const NoGrad no_grad;
    Tensor count = zeros({}, {DType::i64, gradient.device()});
    kernels::count_nonfinite(count, std::as_const(gradient));
    if (gradient.device().kind != DeviceKind::meta && count.item() > 0)
      fail('[', node.name, "] its backward made ", count.item(), " NaN or infinite values in a gradient ",
           gradient.shape(), " (first seen here)");
  }

  void add_into(Tensor& sum, Tensor gradient) const {
    if (!options_.create_graph && exclusively_owned(sum))
      kernels::accumulate(sum, std::as_const(gradient));
    else if (!options_.create_graph && exclusively_owned(gradient)) {
      kernels::accumulate(gradient, std::as_const(sum));
      sum = std::move(gradient);
    } else {
      sum = add(sum, gradient);
    }
  }

  void add_to_leaf(const Tensor& leaf, Tensor gradient) {
    if (capturing_) {
      const auto found = captured_leaves_.find(leaf.impl().get());
      if (found == captured_leaves_.end()) return;
      if (found->second.defined())
        add_into(found->second, std::move(gradient));
      else
        found->second = std::move(gradient);
    } else if (leaf.impl()->hooks.empty()) {
      accumulate(leaf, std::move(gradient));
    } else {
      Tensor& sum = hooked_leaves_[leaf.impl()];
      if (sum.defined())
        add_into(sum, std::move(gradient));
      else
        sum = std::move(gradient);
    }
  }

  void finish_hooked(const Tensor& leaf, Tensor gradient) const {
    accumulate(leaf, apply_hooks(leaf.impl()->hooks, std::move(gradient)));
  }

  void accumulate(const Tensor& leaf, Tensor gradient) const {
    if (Tensor sum = leaf.grad(); sum.defined()) {
      if (options_.create_graph)
        leaf.set_grad(add(sum, gradient));
      else
        kernels::accumulate(sum, std::as_const(gradient));
      return;
    }
    if (!exclusively_owned(gradient)) gradient = gradient.clone();
    gradient.storage().set_category(memory::Category::gradient);
    leaf.set_grad(gradient);
  }

  BackwardOptions options_;
  bool capturing_;
  std::vector<NodePtr> queue_;
  std::vector<Tensor> gradients_;  // kept between nodes to avoid an allocation
  std::unordered_map<Node*, Tensor> captured_nodes_;
  std::unordered_map<TensorImpl*, Tensor> captured_leaves_;
  std::unordered_map<std::shared_ptr<TensorImpl>, Tensor> hooked_leaves_;
};

Tensor root_gradient(const char* what, const Tensor& root, const Tensor& dy) {
  if (!root.requires_grad() && !root.grad_fn())
    fail('[', what, "] nothing needs a gradient: the tensor ", root.shape(),
         " depends on no leaf with requires_grad (is everything frozen?)");
  if (dy.defined()) {
    check_same_kind(what, {&root, &dy});
    if (!(dy.shape() == root.shape()))
      fail('[', what, "] dy ", dy.shape(), " is not of the tensor's shape ", root.shape());
    return dy;
  }
  if (root.numel() != 1) fail('[', what, "] the tensor ", root.shape(), " is no scalar; pass dy");
  return ones(root.shape(), like(root));
}

}  // namespace

void backward(const Tensor& root, const Tensor& dy, BackwardOptions options) {
  const GradMode mode(options.create_graph);
  Walk walk(options, nullptr);
  walk.run(root, root_gradient("backward", root, dy));
}

std::vector<Tensor> grad(const Tensor& root, const std::vector<Tensor>& inputs, const Tensor& dy,
                         BackwardOptions options) {
  const GradMode mode(options.create_graph);
  Walk walk(options, &inputs);
  walk.run(root, root_gradient("grad", root, dy));
  std::vector<Tensor> gradients;
  gradients.reserve(inputs.size());
  for (const Tensor& input : inputs) gradients.push_back(walk.captured(input));
  return gradients;
}

}  // namespace thaw
