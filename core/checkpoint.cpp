// checkpoint(fn, inputs): forward without a graph, backward by running fn again with one.
//
// While fn runs untracked, the trainable leaves that it uses are collected. They become inputs of the node,
// so that parameters inside fn get their gradients even if no input needs one.
#include "core/checkpoint.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/random.h"
#include "core/trace.h"

namespace thaw {
namespace {

thread_local std::vector<Tensor>* leaf_collector = nullptr;

struct RecomputeVjp final : Vjp {
  void run(const Tensor& dy, const Saved& kept, Tensor* dx) const override {
    if (grad_enabled()) fail("[checkpoint] a recomputed part has no second derivative");
    const RandomScope random(context);
    const GradMode recording(true);
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < saved.size(); ++i) {
      Tensor input = kept[static_cast<int>(i)].detach();
      if (targets[i].wanted()) input.set_requires_grad();
      inputs.push_back(input);
    }
    const Tensor y = [&] {
      const TraceScope trace(Section::forward);
      return function(inputs);
    }();
    if (!needs_grad(y)) return;  // it used none of the inputs
    inputs.insert(inputs.end(), leaves.begin(), leaves.end());
    std::vector<Tensor> wanted;
    std::vector<std::size_t> slots;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (!targets[i].wanted()) continue;
      wanted.push_back(inputs[i]);
      slots.push_back(i);
    }
    const std::vector<Tensor> gradients = grad(y, wanted, dy);
    for (std::size_t k = 0; k < slots.size(); ++k) dx[slots[k]] = gradients[k];
  }

  std::function<Tensor(const std::vector<Tensor>&)> function;
  std::vector<Tensor> leaves;
  RandomContext context;
};

}  // namespace

void detail::note_untracked_leaf(const Tensor& input) {
  if (leaf_collector == nullptr || !input.defined() || !input.requires_grad()) return;
  const bool known = std::any_of(leaf_collector->begin(), leaf_collector->end(),
                                 [&](const Tensor& leaf) { return leaf.is_same(input); });
  if (!known) leaf_collector->push_back(input);
}

Tensor checkpoint(std::function<Tensor(const std::vector<Tensor>&)> fn, const std::vector<Tensor>& inputs) {
  if (!grad_enabled()) return fn(inputs);
  std::vector<Tensor> leaves;
  Tensor y;
  {
    std::vector<Tensor> detached;
    detached.reserve(inputs.size());
    for (const Tensor& input : inputs) detached.push_back(input.detach());
    const NoGrad no_grad;
    std::vector<Tensor>* previous = std::exchange(leaf_collector, &leaves);
    try {
      y = fn(detached).detach();
    } catch (...) {
      leaf_collector = previous;
      throw;
    }
    leaf_collector = previous;
  }
  auto vjp = std::make_unique<RecomputeVjp>();
  bool wanted = !leaves.empty();
  for (const Tensor& input : inputs) {
    wanted = wanted || needs_grad(input);
    vjp->targets.push_back(needs_grad(input) ? detail::target_of(input) : Target{});
    vjp->saved.emplace_back(input);
  }
  if (!wanted) return y;
  for (const Tensor& leaf : leaves) vjp->targets.push_back(detail::target_of(leaf));
  vjp->function = std::move(fn);
  vjp->leaves = std::move(leaves);
  vjp->context = random_context();
  vjp->fused = true;
  Wrt edge;
  edge.vjp = std::move(vjp);
  return record("checkpoint", y, std::move(edge));
}

}  // namespace thaw
