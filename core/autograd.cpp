// Recording: what record() keeps of an op, and the lifetime of a node.
#include "core/autograd.h"

#include <unordered_set>

#include "core/checkpoint.h"
#include "core/trace.h"
#include "kernels/kernels.h"

namespace thaw {
namespace {

thread_local bool grad_mode = true;
thread_local bool anomaly_mode = false;
thread_local std::uint64_t next_sequence = 1;

// Vjps of nodes that are destroyed while another node is being destroyed. The outermost destructor frees them
// in a loop, so that a long chain does not recurse.
thread_local std::vector<std::unique_ptr<Vjp>>* graveyard = nullptr;

void bury(std::vector<std::unique_ptr<Vjp>>& vjps) {
  if (graveyard != nullptr) {
    for (auto& vjp : vjps) graveyard->push_back(std::move(vjp));
    return;
  }
  std::vector<std::unique_ptr<Vjp>> dead = std::move(vjps);
  graveyard = &dead;
  while (!dead.empty()) {
    const std::unique_ptr<Vjp> last = std::move(dead.back());
    dead.pop_back();
  }
  graveyard = nullptr;
}

}  // namespace

bool grad_enabled() { return grad_mode; }

GradMode::GradMode(bool enabled) : previous_(grad_mode) { grad_mode = enabled; }
GradMode::~GradMode() { grad_mode = previous_; }

AnomalyMode::AnomalyMode(bool on) : previous_(anomaly_mode) { anomaly_mode = on; }
AnomalyMode::~AnomalyMode() { anomaly_mode = previous_; }
bool AnomalyMode::on() { return anomaly_mode; }

bool needs_grad(const Tensor& t) {
  return grad_mode && t.defined() && (t.requires_grad() || t.grad_fn() != nullptr);
}

SavedTensor::SavedTensor(Tensor tensor)
    : tensor_(std::move(tensor)), version_(tensor_.defined() ? tensor_.version() : 0) {
  if (tensor_.defined()) tensor_.storage().hold();
}
SavedTensor::SavedTensor(SavedTensor&& other) noexcept
    : tensor_(std::move(other.tensor_)), version_(other.version_), is_output_(other.is_output_) {
  other.tensor_ = Tensor();
}
SavedTensor::~SavedTensor() {
  if (tensor_.defined()) tensor_.storage().let_go();
}
void SavedTensor::detach_output() {
  tensor_ = tensor_.detach();
  is_output_ = true;
}

Tensor Saved::operator[](int i) const {
  const SavedTensor& saved = tensors_[static_cast<std::size_t>(i)];
  if (!saved.tensor().defined()) return {};
  if (saved.modified())
    fail('[', node_->name, "] a tensor ", saved.tensor().shape(),
         " that backward needs was written in place after the forward pass; write to a copy instead");
  if (!saved.is_output() || !grad_enabled()) return saved.tensor();
  Tensor attached = saved.tensor().detach();
  attached.impl()->grad_fn = node_;
  return attached;
}

Node::Node(const char* node_name, bool node_broadcasts, const Shape& shape)
    : name(node_name),
      sequence(next_sequence++),
      scope(trace_state.scope),
      broadcasts(node_broadcasts),
      output_shape(shape) {}

Node::~Node() { bury(vjps); }

namespace detail {

bool wants_edge(const Tensor& input, Wrt& wrt) {
  if (needs_grad(input)) return true;
  note_untracked_leaf(input);
  if (grad_mode && input.defined() && input.impl()->name) wrt.frozen.push_back(input.impl()->name);
  return false;
}

Target target_of(const Tensor& input) {
  Target target;
  target.node = input.grad_fn();
  if (!target.node) target.leaf = input;
  target.shape = input.shape();
  target.dtype = input.dtype();
  return target;
}

void save_for(Vjp& vjp, std::initializer_list<SavedFor> saved, std::uint32_t needs) {
  vjp.saved.reserve(saved.size());
  for (const SavedFor& item : saved)
    vjp.saved.emplace_back((item.needed_by & needs) != 0 ? item.tensor : Tensor());
}

namespace {
void check_finite(const char* op, const char* what, const Tensor& t) {
  if (!is_floating(t.dtype()) || t.device().kind == DeviceKind::meta) return;
  const NoGrad no_grad;
  Tensor count = zeros({}, {DType::i64, t.device()});
  kernels::count_nonfinite(count, t);
  if (count.item() > 0)
    fail('[', op, "] ", what, ' ', t.shape(), " has ", count.item(),
         " NaN or infinite values (first seen here)");
}
}  // namespace

Tensor record_edges(const char* name, const Tensor& y, bool broadcasts, Wrt* edges, std::size_t count) {
  if (anomaly_mode) check_finite(name, "the output", y);
  bool wanted = false;
  for (std::size_t i = 0; i < count; ++i) wanted = wanted || edges[i].vjp != nullptr;
  if (!wanted) return y;
  auto node = std::make_shared<Node>(name, broadcasts, y.shape());
  node->vjps.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (auto& frozen : edges[i].frozen) node->frozen.push_back(std::move(frozen));
    if (edges[i].vjp == nullptr) continue;
    for (SavedTensor& saved : edges[i].vjp->saved)
      if (saved.tensor().is_same(y)) saved.detach_output();
    node->vjps.push_back(std::move(edges[i].vjp));
  }
  y.impl()->grad_fn = std::move(node);
  return y;
}

}  // namespace detail
}  // namespace thaw
