// Reverse-mode differentiation. An op computes its output and then says, edge by edge, how each input's
// gradient follows from the output's:
//
//   return record("matmul", y,
//       wrt(a, {b}, [](const Tensor& dy, const Saved& s) { return matmul(dy, s[0].mT()); }),
//       wrt(b, {a}, [](const Tensor& dy, const Saved& s) { return matmul(s[0].mT(), dy); }));
//
// record() keeps only the edges whose input needs a gradient, and only what those edges saved. So freezing b
// drops the edge to b *and* its hold on the activation a. With no edge left there is no node at all.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace thaw {

// -- modes, per thread

bool grad_enabled();

class GradMode {  // in effect while it lives
 public:
  explicit GradMode(bool enabled);
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool previous_;
};

struct NoGrad : GradMode {
  NoGrad() : GradMode(false) {}
};

// While an AnomalyMode lives, the first op whose output (or gradient) is NaN or infinite throws an error that
// names it.
class AnomalyMode {
 public:
  explicit AnomalyMode(bool on = true);  // false: not checked in this scope
  ~AnomalyMode();
  AnomalyMode(const AnomalyMode&) = delete;
  AnomalyMode& operator=(const AnomalyMode&) = delete;
  static bool on();

 private:
  bool previous_;
};

// Whether an op on t would be recorded.
bool needs_grad(const Tensor& t);

// -- recording an op

// A tensor kept for backward. Its version is checked, and its bytes are counted while it is held.
class SavedTensor {
 public:
  explicit SavedTensor(Tensor tensor);
  SavedTensor(SavedTensor&& other) noexcept;
  SavedTensor& operator=(SavedTensor&&) = delete;
  ~SavedTensor();

  const Tensor& tensor() const { return tensor_; }
  bool modified() const { return tensor_.version() != version_; }
  bool is_output() const { return is_output_; }
  void detach_output();  // an op's own output is kept without its history, which avoids a cycle

 private:
  Tensor tensor_;
  std::uint64_t version_;
  bool is_output_ = false;
};

// What a vjp reads: saved tensors by position. An absent one (an optional input) comes back undefined.
class Saved {
 public:
  Saved(const std::vector<SavedTensor>& tensors, const std::shared_ptr<Node>& node)
      : tensors_(tensors), node_(node) {}
  Tensor operator[](int i) const;

 private:
  const std::vector<SavedTensor>& tensors_;
  const std::shared_ptr<Node>& node_;
};

// Which inputs of a wrt_all need their gradient.
class Needs {
 public:
  explicit Needs(std::uint32_t mask) : mask_(mask) {}
  bool operator[](int i) const { return (mask_ >> i & 1U) != 0; }

 private:
  std::uint32_t mask_;
};

// Where a gradient goes: to the node that made the input, or into a leaf.
struct Target {
  std::shared_ptr<Node> node;
  Tensor leaf;
  Shape shape;
  DType dtype = DType::f32;
  bool wanted() const { return node != nullptr || leaf.defined(); }
};

// One vector-Jacobian product: from dy to the gradients of its targets.
struct Vjp {
  virtual ~Vjp() = default;
  virtual void run(const Tensor& dy, const Saved& kept, Tensor* dx) const = 0;
  std::vector<Target> targets;
  std::vector<SavedTensor> saved;
  bool fused = false;  // made of raw kernels: has no second derivative
};

// An edge, or several that share a vjp, on the way into record().
struct Wrt {
  std::unique_ptr<Vjp> vjp;                                // null: nothing to differentiate
  std::vector<std::shared_ptr<const std::string>> frozen;  // names of inputs that need no gradient
};

// A saved tensor of wrt_all and the gradients that need it (bit i: input i). A plain tensor is needed by all.
struct SavedFor {
  SavedFor(const Tensor& t, std::uint32_t gradients = ~0U) : tensor(t), needed_by(gradients) {}  // NOLINT
  const Tensor& tensor;
  std::uint32_t needed_by;
};
constexpr std::uint32_t kGrad0 = 1, kGrad1 = 2, kGrad2 = 4;

namespace detail {

// False when no gradient is being recorded for `input`; then its name is noted as frozen.
bool wants_edge(const Tensor& input, Wrt& wrt);
Target target_of(const Tensor& input);
void save_for(Vjp& vjp, std::initializer_list<SavedFor> saved, std::uint32_t needs);

template <class F>
struct SingleVjp final : Vjp {
  explicit SingleVjp(F f) : function(f) {}
  void run(const Tensor& dy, const Saved& kept, Tensor* dx) const override { dx[0] = function(dy, kept); }
  F function;
};

template <class F>
struct JointVjp final : Vjp {
  JointVjp(F f, std::uint32_t mask) : function(f), needs(mask) {}
  void run(const Tensor& dy, const Saved& kept, Tensor* dx) const override {
    auto gradients = function(dy, kept, Needs(needs));  // std::array<Tensor, number of inputs>
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (Needs(needs)[static_cast<int>(i)]) dx[i] = std::move(gradients[i]);
  }
  F function;
  std::uint32_t needs;
};

template <class F>
Wrt make_edge(const Tensor& input, std::initializer_list<SavedFor> saved, F vjp, bool fused) {
  static_assert(std::is_trivially_copyable_v<F>, "a vjp captures plain values only; tensors go into `saved`");
  Wrt wrt;
  if (!wants_edge(input, wrt)) return wrt;
  wrt.vjp = std::make_unique<SingleVjp<F>>(vjp);
  wrt.vjp->fused = fused;
  wrt.vjp->targets.push_back(target_of(input));
  save_for(*wrt.vjp, saved, ~0U);
  return wrt;
}

template <class F>
Wrt make_joint_edges(std::initializer_list<Tensor> inputs, std::initializer_list<SavedFor> saved, F vjp,
                     bool fused) {
  static_assert(std::is_trivially_copyable_v<F>, "a vjp captures plain values only; tensors go into `saved`");
  Wrt wrt;
  std::uint32_t needs = 0;
  std::uint32_t bit = 1;
  for (const Tensor& input : inputs) {
    if (wants_edge(input, wrt)) needs |= bit;
    bit <<= 1;
  }
  if (needs == 0) return wrt;
  wrt.vjp = std::make_unique<JointVjp<F>>(vjp, needs);
  wrt.vjp->fused = fused;
  bit = 1;
  for (const Tensor& input : inputs) {
    wrt.vjp->targets.push_back(needs & bit ? target_of(input) : Target{});
    bit <<= 1;
  }
  save_for(*wrt.vjp, saved, needs);
  return wrt;
}

Tensor record_edges(const char* name, const Tensor& y, bool broadcasts, Wrt* edges, std::size_t count);

}  // namespace detail

// The gradient of one input. vjp: (const Tensor& dy, const Saved&) -> Tensor, made of ops.
template <class F>
Wrt wrt(const Tensor& input, std::initializer_list<SavedFor> saved, F vjp) {
  return detail::make_edge(input, saved, vjp, false);
}
// The same with a vjp made of raw kernels: it throws under create_graph.
template <class F>
Wrt wrt_fused(const Tensor& input, std::initializer_list<SavedFor> saved, F vjp) {
  return detail::make_edge(input, saved, vjp, true);
}
// Gradients that share work. vjp: (dy, saved, Needs) -> std::array<Tensor, inputs>, undefined where not
// needed. An optional input may be an undefined tensor.
template <class F>
Wrt wrt_all(std::initializer_list<Tensor> inputs, std::initializer_list<SavedFor> saved, F vjp) {
  return detail::make_joint_edges(inputs, saved, vjp, false);
}
template <class F>
Wrt wrt_all_fused(std::initializer_list<Tensor> inputs, std::initializer_list<SavedFor> saved, F vjp) {
  return detail::make_joint_edges(inputs, saved, vjp, true);
}

// Attaches the needed edges to y, the op's new output, and returns it.
template <class... W>
Tensor record(const char* name, const Tensor& y, W... edges) {
  Wrt list[] = {std::move(edges)...};
  return detail::record_edges(name, y, false, list, sizeof...(W));
}
// For ops whose inputs were broadcast: their gradients are summed back to the inputs' shapes by the engine.
template <class... W>
Tensor record_broadcasting(const char* name, const Tensor& y, W... edges) {
  Wrt list[] = {std::move(edges)...};
  return detail::record_edges(name, y, true, list, sizeof...(W));
}
// For ops with a list of inputs (concatenate).
inline Tensor record(const char* name, const Tensor& y, std::vector<Wrt> edges) {
  return detail::record_edges(name, y, false, edges.data(), edges.size());
}

// -- computing gradients

struct BackwardOptions {
  bool retain_graph = false;  // keep saved tensors for another backward
  bool create_graph = false;  // record the backward itself; implies retain_graph
};

// Adds the gradients of `root` to the leaves' grad(). dy is undefined for a scalar root.
void backward(const Tensor& root, const Tensor& dy = {}, BackwardOptions options = {});

// Gradients of `root` with respect to `inputs` (leaves or not); no grad() changes. Undefined where root does
// not depend on an input.
std::vector<Tensor> grad(const Tensor& root, const std::vector<Tensor>& inputs, const Tensor& dy = {},
                         BackwardOptions options = {});

// Runs fn without keeping anything inside it, and again in backward: less memory for a second forward pass.
// Trainable leaves that fn uses get their gradients even when no input needs one. fn must compute the same
// result again. Random ops do, because their numbers depend on keys and not on call order.
Tensor checkpoint(std::function<Tensor(const std::vector<Tensor>&)> fn, const std::vector<Tensor>& inputs);

// -- inspecting the graph

struct Node {
  const char* name;
  std::uint64_t sequence;  // nodes are walked from the highest down
  int scope;               // module that recorded it (core/trace.h)
  bool broadcasts;
  bool released = false;
  Shape output_shape;
  std::vector<std::unique_ptr<Vjp>> vjps;
  std::vector<std::shared_ptr<const std::string>> frozen;
  std::vector<std::function<Tensor(const Tensor&)>> hooks;
  Tensor pending;  // the gradient of the output, while a backward collects it

  Node(const char* node_name, bool node_broadcasts, const Shape& shape);
  ~Node();  // iterative: a chain of any length does not overflow the stack
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  std::int64_t saved_bytes() const;  // distinct storages this node holds, without parameters and inputs
};

struct GraphStats {
  std::int64_t nodes = 0;
  std::int64_t edges = 0;
  std::int64_t saved_bytes = 0;  // distinct over the graph
};
GraphStats graph_stats(const Tensor& root);

// The graph for Graphviz: what backward would visit, saved bytes on each node, trainable leaves solid, frozen
// parts grey.
std::string graph_dot(const Tensor& root);

}  // namespace thaw
